/** Who is served, and who is woken when, with a bell that only notes it. */

import { assertEquals } from "@std/assert";
import type { Bell } from "../../src/runtime/wakeup.ts";
import type { Native, Region } from "../../src/runtime/native.ts";
import { Grants } from "../../src/allocator/serve.ts";
import { AWAITED, LIVE, NONE, STATE } from "../../src/region/layout.ts";
import { Stock } from "../../src/allocator/heap.ts";
import { isAllocated, workerOf } from "../../src/region/block_table.ts";
import { test } from "../support/harness.ts";
import { BLOCK_SIZE, picture, plainViews } from "../support/plain.ts";

const BLOCKS = 16;

/** A pool that is awaited, of workers 1 to 3, served by worker 1; and for each ring, which requests had their block then. */
function awaited(alive: (thread: number) => boolean = () => true) {
  const views = plainViews(BLOCKS);
  const native = { alive, barrier: () => true } as unknown as Native;
  const region = { grow: () => false } as unknown as Region;
  const slots = [1, 2, 3].map((worker) => views.slots.take(worker, worker));
  const rings: string[] = [];
  const places: number[] = [];
  const note = (who: string): void => {
    const granted = places.map((place) => views.queue.blockAt(place) >= 0 ? "granted" : "waits");
    const last = places.findLast((place) => views.queue.blockAt(place) >= 0)!;
    const isOut = isAllocated(views.table.loadTag(views.queue.blockAt(last)));
    rings.push(`${who}: ${granted.join(" ")}${isOut ? ", handed out" : ""}`);
  };
  const bell = { ring: () => note("others"), ringHere: () => note("here") } as unknown as Bell;
  const grants = new Grants(native, views, new Stock(native, region, views, slots[0]!, 1), bell, 1);
  grants.begin();
  const ask = (worker: number, blocks: number): number => {
    places.push(views.queue.push(worker, blocks * BLOCK_SIZE));
    return places.at(-1)!;
  };
  return { views, grants, ask, rings };
}

test("grants - the bell rings after each grant to another worker, and before the block is handed out", () => {
  const { views, grants, ask, rings } = awaited();
  const places = [ask(2, 1), ask(3, 2), ask(1, 3), ask(2, 1), ask(1, 1)];
  grants.serve();
  assertEquals(rings, [
    "others: granted waits waits waits waits",
    "others: granted granted waits waits waits",
    "here: granted granted granted waits waits",
    "others: granted granted granted granted waits",
  ]);
  assertEquals(places.map((place) => views.queue.isGranted(place, views.table)), places.map(() => true));
  assertEquals(places.map((place) => workerOf(views.table.loadTag(views.queue.blockAt(place)))), [2, 3, 1, 2, 1]);
  assertEquals([picture(views), views.header[STATE]], ["1 2 3 1 1 -8", LIVE]);
});

test("grants - the oldest request that does not fit keeps all others waiting", () => {
  const { views, grants, ask, rings } = awaited();
  const [first, large, small] = [ask(2, 10), ask(3, 7), ask(1, 1)];
  grants.serve();
  assertEquals([views.queue.blockAt(first), views.queue.next], [0, large]);
  assertEquals([rings.length, views.header[STATE]], [1, AWAITED]);
  views.queue.finish(large);
  grants.serve();
  assertEquals([views.queue.blockAt(small), views.header[STATE]], [10, LIVE]);
});

test("grants - those who have ended or left are passed over", () => {
  const { views, grants, ask } = awaited((thread) => thread !== 2);
  const [dead, gone, living] = [ask(2, 1), ask(9, 1), ask(3, 1)];
  grants.serve();
  assertEquals([dead, gone].map((place) => views.queue.blockAt(place) >= 0), [false, false]);
  assertEquals([views.queue.blockAt(living), picture(views)], [0, "1 -15"]);
});

test("grants - requests of the dead make room in the queue, granted or not", () => {
  let isAlive = true;
  const { views, grants, ask } = awaited((thread) => thread !== 2 || isAlive);
  const [granted, waiting] = [ask(2, 16), ask(2, 1)];
  grants.serve();
  assertEquals([views.queue.blockAt(granted), views.lists.find(1)], [0, NONE]);
  isAlive = false;
  grants.forgetDead();
  assertEquals([views.queue.isEmpty, views.queue.blockAt(waiting) >= 0], [true, false]);
});
