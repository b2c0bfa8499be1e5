/** A pool in a rich state, the same in every run, and what is held in it. */

import { ALLOCATED, ALLOCATED_RUN, ALLOCATED_SHORT, CACHED, CACHED_RUN, FREE, NONE } from "../../src/region/layout.ts";
import { stateOf } from "../../src/region/block_table.ts";
import { runsOf } from "../support/plain.ts";
import { type SimShape, SimWorker, type Stage } from "../support/simulation.ts";

const BLOCK_SIZE = 64;

/** A run that is handed out: each of its bytes is its cookie. */
export interface Live {
  readonly block: number;
  readonly bytes: number;
  readonly cookie: number;
  readonly owner: SimWorker;
}

/** What workers hold of a memory; complains of what should not be handed out. */
export class Holdings {
  readonly #data: Uint8Array;
  readonly #live = new Map<number, Live>();
  /** For each block the one that lives there, plus 1. */
  readonly #map: Uint16Array;
  #cookies = 0;

  constructor(data: Uint8Array, live: Iterable<Live> = []) {
    this.#data = data;
    this.#map = new Uint16Array(data.length / BLOCK_SIZE);
    for (const one of live) this.#put(one);
    this.#cookies = this.#live.size;
  }

  get all(): Live[] {
    return [...this.#live.values()];
  }

  at(block: number): Live | undefined {
    return this.#live.get(block);
  }

  /** Notes a run that was handed out, if one was. Throws where it lies outside, or over another that lives. */
  add(owner: SimWorker, block: number, bytes: number): void {
    if (block === NONE) return;
    assertInside(this.#data, block, bytes);
    for (let each = block; each < block + lengthOf(bytes); each++) {
      const other = this.#map[each]! - 1;
      if (other !== -1) throw new Error(`block ${each} is handed out, and is part of the run at block ${other}`);
    }
    const cookie = this.#cookies = (this.#cookies + 1) % 256;
    this.#put({ block, bytes, cookie, owner });
    this.#data.fill(cookie, block * BLOCK_SIZE, block * BLOCK_SIZE + bytes);
  }

  remove(block: number): void {
    const one = this.#live.get(block);
    if (one === undefined) return;
    this.#live.delete(block);
    this.#map.fill(0, block, block + lengthOf(one.bytes));
  }

  /** Throws unless the first bytes of a run, all unless told how many, are as `add` left them. */
  assertIntact({ block, bytes, cookie }: Live, at = block, length = bytes): void {
    const from = at * BLOCK_SIZE;
    for (let byte = from; byte < from + length; byte++) {
      if (this.#data[byte] !== cookie) {
        throw new Error(`byte ${byte - from} of the run of ${bytes} at block ${block} is another's`);
      }
    }
  }

  assertAllIntact(): void {
    for (const one of this.#live.values()) this.assertIntact(one);
  }

  #put(one: Live): void {
    this.#live.set(one.block, one);
    this.#map.fill(one.block + 1, one.block, one.block + lengthOf(one.bytes));
  }
}

/** Throws where a run that was handed out would let its holder write outside of the data. */
export function assertInside(data: Uint8Array, block: number, bytes: number): void {
  if (!(block >= 0 && block * BLOCK_SIZE + bytes <= data.length)) {
    throw new Error(`${bytes} bytes at block ${block} lie outside`);
  }
}

function lengthOf(bytes: number): number {
  return Math.ceil(bytes / BLOCK_SIZE);
}

export interface Rich {
  /** Attached and alive. */
  readonly workers: readonly SimWorker[];
  readonly dead: SimWorker;
  readonly live: readonly Live[];
}

/** The pool that `enrich` fills. */
export const RICH: SimShape = { blocks: 221, cachedBlocks: 8, blockSize: BLOCK_SIZE, maxSize: 300 * BLOCK_SIZE };

/**
 * Free runs of many lengths, two of them in one class above 64, whose memory was given back; single blocks and runs of four workers that live, one
 * that has left and one that has died; caches that are full, half full, empty, and with entries that are stale, of single
 * blocks and of short runs; a depot with something in it. `caching` is false in a checked pool, which has neither caches nor depot.
 */
export function enrich(stage: Stage, caching = true): Rich {
  const [one, two, three, four, leaver] = Array.from({ length: 5 }, () => SimWorker.attach(stage)) as Five;
  const scene = new Scene(stage);
  scene.give(one, scene.take(one, 1));
  // What four has cached is recalled by one, in vain: its entries are stale.
  scene.take(four, 1);
  scene.give(four, scene.take(four, 2));
  assertTrue(one.alloc(one.region.table.capacity * BLOCK_SIZE) === NONE, "recalled in vain");
  // The very first block is cached.
  scene.give(one, scene.take(one, 1));

  scene.take(leaver, 3, 130);
  scene.take(leaver, 11, 650);
  scene.take(leaver, 1, 5);
  leaver.allocator.leave();
  const dead = SimWorker.attach(stage, true);
  scene.take(dead, 2);
  scene.take(dead, 1, 40);
  scene.give(dead, scene.take(dead, 3));

  const long = [66, 67].map((length) => scene.takeApart(one, two, length));
  const short = [3, 2, 3, 5, 4, 9].map((length, place) => scene.takeApart([one, two, three][place % 3]!, two, length));
  for (const block of long) scene.give(one, block);
  // What two allocates three frees: through a full cache into the depot.
  const singles = Array.from({ length: 13 }, () => scene.take(two, 1));
  for (const block of singles) scene.give(three, block);
  // One's cache has room for the shortest only, two's for this one too.
  for (const block of short.slice(1)) scene.give(one, block);
  scene.give(two, scene.takeApart(two, two, 3));

  const workers = [one, two, three, four];
  assertRich(workers, caching);
  return { workers, dead, live: scene.holdings.all };
}

type Five = [SimWorker, SimWorker, SimWorker, SimWorker, SimWorker];

/** Or the tests would no longer test what they say. */
function assertRich(workers: readonly SimWorker[], caching: boolean): void {
  const { region } = workers[0]!;
  const runs = runsOf(region);
  const states = new Set(runs.map(({ state }) => state));
  assertTrue(
    [FREE, ALLOCATED, ALLOCATED_SHORT, ALLOCATED_RUN].every((state) => states.has(state)),
    "runs in every state",
  );
  const free = new Set(runs.filter(({ state }) => state === FREE).map(({ length }) => length));
  assertTrue(free.has(66) && free.has(67) && free.size > 5, "free runs of many lengths");
  assertTrue(region.table.capacity > region.table.blockCount, "room to grow");
  if (!caching) return;
  assertTrue(stateOf(region.table.tag(0)) === CACHED && region.depot.top > 0, "caches and a depot");
  assertTrue(runs.filter(({ state }) => state === CACHED_RUN).length === 3, "cached runs, one of a dead worker");
}

function assertTrue(what: boolean, name: string): void {
  if (!what) throw new Error(`The pool is not rich: ${name} is not so`);
}

/** Where a checked pool is told that all this was done. */
const STACK = "    at tests/region/_rich.ts";

/** What happens before. */
export class Scene {
  readonly holdings: Holdings;

  constructor(stage: Stage, live: Iterable<Live> = []) {
    this.holdings = new Holdings(stage.data, live);
  }

  take(worker: SimWorker, blocks: number, bytes = blocks * BLOCK_SIZE): number {
    const block = worker.alloc(bytes);
    this.holdings.add(worker, block, bytes);
    if (block !== NONE) worker.log?.allocated(block, STACK);
    return block;
  }

  /** All that is left for so many blocks. */
  takeAll(worker: SimWorker, blocks: number): void {
    while (this.take(worker, blocks) !== NONE);
  }

  /** With a run behind it that stays: so that what is given back joins nothing. */
  takeApart(worker: SimWorker, other: SimWorker, blocks: number): number {
    const block = this.take(worker, blocks);
    this.take(other, 2, 100);
    return block;
  }

  give(worker: SimWorker, block: number): void {
    const { log } = worker;
    log?.freed(block, log.sequence(block), STACK);
    assertTrue(worker.free(block), "freed");
    this.holdings.remove(block);
  }
}
