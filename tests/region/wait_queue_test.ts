/** The wait queue, compared with a plain list. */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  ALLOCATED,
  FREE,
  MAX_WAITING,
  QUEUE_END,
  QUEUE_FIRST,
  QUEUE_NEXT,
  REQUEST_WORDS,
  TAG,
} from "../../src/region/layout.ts";
import { DONE, WAITING, WaitQueue } from "../../src/region/wait_queue.ts";
import { makeTag } from "../../src/region/block_table.ts";
import { test } from "../support/harness.ts";
import { plainHeader, plainTable } from "../support/plain.ts";
import { forAll } from "../support/random.ts";

/** An empty queue whose first place is `start`. */
function plainQueue(start = 0): { header: Int32Array; queue: WaitQueue } {
  const header = plainHeader(8);
  header[QUEUE_FIRST] = header[QUEUE_NEXT] = header[QUEUE_END] = start;
  return { header, queue: new WaitQueue(header, new Int32Array(MAX_WAITING * REQUEST_WORDS)) };
}

interface Listed {
  readonly place: number;
  readonly worker: number;
  readonly bytes: number;
  block: number;
}

test("wait queue - keeps the order of arrival, whatever is granted or finished in between", () => {
  const steps = fc.array(
    fc.record({ what: fc.constantFrom("push", "push", "grant", "finish"), pick: fc.nat(1000), bytes: fc.maxSafeNat() }),
    { maxLength: 60 },
  );
  const starts = fc.constantFrom(0, 5, 2 ** 31 - 10, -10);
  forAll(2000, fc.tuple(starts, steps), ([start, series]) => {
    const { queue } = plainQueue(start);
    let list: Listed[] = [];
    for (const { what, pick, bytes } of series) {
      if (what === "push") {
        list.push({ place: queue.push(pick + 1, bytes), worker: pick + 1, bytes, block: WAITING });
      } else if (what === "grant" && queue.findNext()) {
        list.find(({ place }) => place === queue.next)!.block = pick;
        queue.grant(queue.next, pick);
      } else if (what === "finish" && list.length > 0) {
        const [finished] = list.splice(pick % list.length, 1);
        queue.finish(finished!.place);
      }
      const waiting = list.find(({ block }) => block === WAITING);
      assertEquals(queue.findNext(), waiting !== undefined);
      if (waiting !== undefined) assertEquals(queue.next, waiting.place);
      assertEquals([queue.isEmpty, queue.isFull], [list.length === 0, false]);
      const found: Listed[] = [];
      queue.forEach((place) =>
        found.push({
          place,
          worker: queue.workerAt(place),
          bytes: queue.bytesAt(place),
          block: queue.blockAt(place),
        })
      );
      assertEquals(found, list);
      list = [...list];
    }
  });
});

test("wait queue - is full after MAX_WAITING requests, and has room again when the oldest ones are done", () => {
  const { queue } = plainQueue(2 ** 31 - 5);
  const places = Array.from({ length: MAX_WAITING }, () => queue.push(1, 1));
  assertEquals(queue.isFull, true);
  queue.finish(places[1]!);
  assertEquals(queue.isFull, true, "the oldest still waits");
  queue.finish(places[0]!);
  assertEquals([queue.isFull, queue.blockAt(places[1]!)], [false, DONE]);
});

test("wait queue - after a death, requests without a block of their worker wait again, in the old order", () => {
  const { queue } = plainQueue();
  const table = plainTable(8);
  const [mine, stolen, early, waiting] = [1, 2, 3, 4].map((worker) => queue.push(worker, 10));
  queue.grant(mine!, 5);
  table.set(5, TAG, makeTag(ALLOCATED, 1));
  queue.grant(stolen!, 6);
  table.set(6, TAG, makeTag(ALLOCATED, 7));
  queue.grant(early!, 7);
  table.set(7, TAG, FREE);
  queue.repair(table);
  assertEquals([mine, stolen, early, waiting].map((place) => queue.blockAt(place!)), [5, WAITING, WAITING, WAITING]);
  assertEquals([queue.findNext(), queue.next], [true, stolen]);
});
