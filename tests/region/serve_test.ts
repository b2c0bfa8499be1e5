/**
 * Serving waiting requests: in which order, and which workers are woken up when. The wakeup is replaced by one that
 * notes calls.
 */

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

/**
 * An awaited pool of workers 1 to 3, served by worker 1. `wakeups` notes for each wakeup which requests had a block by
 * then.
 */
function awaited(alive: (thread: number) => boolean = () => true) {
  const region = plainRegion(BLOCKS);
  const native = { alive, barrier: () => true } as unknown as Native;
  const mapping = { grow: () => false } as unknown as Mapping;
  const slots = [1, 2, 3].map((worker) => region.slots.take(worker, worker));
  const wakeups: string[] = [];
  const places: number[] = [];
  const note = (woken: string): void => {
    const states = places.map((place) => region.queue.blockAt(place) >= 0 ? "granted" : "waits");
    const last = places.findLast((place) => region.queue.blockAt(place) >= 0)!;
    const isHandedOut = isAllocated(region.table.loadTag(region.queue.blockAt(last)));
    wakeups.push(`${woken}: ${states.join(" ")}${isHandedOut ? ", handed out" : ""}`);
  };
  const wakeup = { wakeOthers: () => note("others"), wakeHere: () => note("here") } as unknown as Wakeup;
  const worker = { native, mapping, region, slot: slots[0]!, number: 1 };
  const server = new Server(worker, new Heap(worker, new Journal()), wakeup);
  server.begin();
  const request = (worker: number, blocks: number): number => {
    places.push(region.queue.push(worker, blocks * BLOCK_SIZE));
    return places.at(-1)!;
  };
  return { region, server, request, wakeups };
}

test("serve - wakes a worker after each grant, and before the block is handed out", () => {
  const { region, server, request, wakeups } = awaited();
  const places = [request(2, 1), request(3, 2), request(1, 3), request(2, 1), request(1, 1)];
  server.serve();
  assertEquals(wakeups, [
    "others: granted waits waits waits waits",
    "others: granted granted waits waits waits",
    "here: granted granted granted waits waits",
    "others: granted granted granted granted waits",
  ]);
  assertEquals(places.map((place) => region.queue.isGranted(place, region.table)), places.map(() => true));
  assertEquals(places.map((place) => workerOf(region.table.loadTag(region.queue.blockAt(place)))), [2, 3, 1, 2, 1]);
  assertEquals([picture(region), region.header[STATE]], ["1 2 3 1 1 -8", LIVE]);
});

test("serve - while the oldest request does not fit, all later ones wait", () => {
  const { region, server, request, wakeups } = awaited();
  const [first, large, small] = [request(2, 10), request(3, 7), request(1, 1)];
  server.serve();
  assertEquals([region.queue.blockAt(first), region.queue.next], [0, large]);
  assertEquals([wakeups.length, region.header[STATE]], [1, AWAITED]);
  region.queue.finish(large);
  server.serve();
  assertEquals([region.queue.blockAt(small), region.header[STATE]], [10, LIVE]);
});

test("serve - skips requests of workers that have died or left", () => {
  const { region, server, request } = awaited((thread) => thread !== 2);
  const [dead, left, living] = [request(2, 1), request(9, 1), request(3, 1)];
  server.serve();
  assertEquals([dead, left].map((place) => region.queue.blockAt(place) >= 0), [false, false]);
  assertEquals([region.queue.blockAt(living), picture(region)], [0, "1 -15"]);
});

test("forgetDead - removes the requests of dead workers from the queue, granted or not", () => {
  let isAlive = true;
  const { region, server, request } = awaited((thread) => thread !== 2 || isAlive);
  const [granted, waiting] = [request(2, 16), request(2, 1)];
  server.serve();
  assertEquals([region.queue.blockAt(granted), region.lists.find(1)], [0, NONE]);
  isAlive = false;
  server.forgetDead();
  assertEquals([region.queue.isEmpty, region.queue.blockAt(waiting) >= 0], [true, false]);
});
