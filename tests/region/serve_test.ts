/** Who is served, and who is woken when, with a bell that only notes it. */

import { assertEquals } from "@std/assert";
import type { Wakeup } from "../../src/runtime/wakeup.ts";
import type { Mapping, Native } from "../../src/runtime/native.ts";
import { Server } from "../../src/allocator/serve.ts";
import { AWAITED, LIVE, NONE, STATE } from "../../src/region/layout.ts";
import { Journal } from "../../src/allocator/journal.ts";
import { Heap } from "../../src/allocator/heap.ts";
import { isAllocated, workerOf } from "../../src/region/block_table.ts";
import { test } from "../support/harness.ts";
import { BLOCK_SIZE, picture, plainRegion } from "../support/plain.ts";

const BLOCKS = 16;

/** A pool that is awaited, of workers 1 to 3, served by worker 1; and for each ring, which requests had their block then. */
function awaited(alive: (thread: number) => boolean = () => true) {
  const region = plainRegion(BLOCKS);
  const native = { alive, barrier: () => true } as unknown as Native;
  const mapping = { grow: () => false } as unknown as Mapping;
  const slots = [1, 2, 3].map((worker) => region.slots.take(worker, worker));
  const rings: string[] = [];
  const places: number[] = [];
  const note = (who: string): void => {
    const granted = places.map((place) => region.queue.blockAt(place) >= 0 ? "granted" : "waits");
    const last = places.findLast((place) => region.queue.blockAt(place) >= 0)!;
    const isOut = isAllocated(region.table.loadTag(region.queue.blockAt(last)));
    rings.push(`${who}: ${granted.join(" ")}${isOut ? ", handed out" : ""}`);
  };
  const wakeup = { wakeOthers: () => note("others"), wakeHere: () => note("here") } as unknown as Wakeup;
  const worker = { native, mapping, region, slot: slots[0]!, number: 1 };
  const server = new Server(worker, new Heap(worker, new Journal()), wakeup);
  server.begin();
  const ask = (worker: number, blocks: number): number => {
    places.push(region.queue.push(worker, blocks * BLOCK_SIZE));
    return places.at(-1)!;
  };
  return { region, server, ask, rings };
}

test("grants - the bell rings after each grant to another worker, and before the block is handed out", () => {
  const { region, server, ask, rings } = awaited();
  const places = [ask(2, 1), ask(3, 2), ask(1, 3), ask(2, 1), ask(1, 1)];
  server.serve();
  assertEquals(rings, [
    "others: granted waits waits waits waits",
    "others: granted granted waits waits waits",
    "here: granted granted granted waits waits",
    "others: granted granted granted granted waits",
  ]);
  assertEquals(places.map((place) => region.queue.isGranted(place, region.table)), places.map(() => true));
  assertEquals(places.map((place) => workerOf(region.table.loadTag(region.queue.blockAt(place)))), [2, 3, 1, 2, 1]);
  assertEquals([picture(region), region.header[STATE]], ["1 2 3 1 1 -8", LIVE]);
});

test("grants - the oldest request that does not fit keeps all others waiting", () => {
  const { region, server, ask, rings } = awaited();
  const [first, large, small] = [ask(2, 10), ask(3, 7), ask(1, 1)];
  server.serve();
  assertEquals([region.queue.blockAt(first), region.queue.next], [0, large]);
  assertEquals([rings.length, region.header[STATE]], [1, AWAITED]);
  region.queue.finish(large);
  server.serve();
  assertEquals([region.queue.blockAt(small), region.header[STATE]], [10, LIVE]);
});

test("grants - those who have ended or left are passed over", () => {
  const { region, server, ask } = awaited((thread) => thread !== 2);
  const [dead, gone, living] = [ask(2, 1), ask(9, 1), ask(3, 1)];
  server.serve();
  assertEquals([dead, gone].map((place) => region.queue.blockAt(place) >= 0), [false, false]);
  assertEquals([region.queue.blockAt(living), picture(region)], [0, "1 -15"]);
});

test("grants - requests of the dead make room in the queue, granted or not", () => {
  let isAlive = true;
  const { region, server, ask } = awaited((thread) => thread !== 2 || isAlive);
  const [granted, waiting] = [ask(2, 16), ask(2, 1)];
  server.serve();
  assertEquals([region.queue.blockAt(granted), region.lists.find(1)], [0, NONE]);
  isAlive = false;
  server.forgetDead();
  assertEquals([region.queue.isEmpty, region.queue.blockAt(waiting) >= 0], [true, false]);
});
