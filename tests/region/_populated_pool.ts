/**
 * A pool in a varied state, the same in every run: the starting point of the tests that stop workers (steps_test.ts)
 * and of those that corrupt words (bits_test.ts). With it comes a record of which worker holds which run, and with
 * which contents.
 */

import { ALLOCATED, ALLOCATED_RUN, ALLOCATED_SHORT, CACHED, CACHED_RUN, FREE, NONE } from "../../src/region/layout.ts";
import { stateOf } from "../../src/region/block_table.ts";
import { runsOf } from "../support/plain.ts";
import { type Backing, type SimShape, SimWorker } from "../support/simulation.ts";

const BLOCK_SIZE = 64;

/** An allocated run. Each of its bytes holds its cookie. */
export interface LiveRun {
  readonly block: number;
  readonly bytes: number;
  readonly cookie: number;
  readonly owner: SimWorker;
}

/** The allocated runs of a pool. Throws if the pool hands out blocks that it must not hand out. */
export class Holdings {
  readonly #data: Uint8Array;
  readonly #live = new Map<number, LiveRun>();
  /** For each block, the first block of the allocated run that it belongs to, plus 1; or 0. */
  readonly #map: Uint16Array;
  #cookies = 0;

  constructor(data: Uint8Array, live: Iterable<LiveRun> = []) {
    this.#data = data;
    this.#map = new Uint16Array(data.length / BLOCK_SIZE);
    for (const run of live) this.#put(run);
    this.#cookies = this.#live.size;
  }

  get all(): LiveRun[] {
    return [...this.#live.values()];
  }

  at(block: number): LiveRun | undefined {
    return this.#live.get(block);
  }

  /**
   * Records an allocation and fills the run with a cookie. Throws if the run lies outside the data or overlaps an
   * allocated one.
   */
  add(owner: SimWorker, block: number, bytes: number): void {
    if (block === NONE) return;
    assertInside(this.#data, block, bytes);
    for (let each = block; each < block + lengthOf(bytes); each++) {
      const other = this.#map[each]! - 1;
      if (other !== -1) throw new Error(`block ${each} is handed out although the run at block ${other} contains it`);
    }
    const cookie = this.#cookies = (this.#cookies + 1) % 256;
    this.#put({ block, bytes, cookie, owner });
    this.#data.fill(cookie, block * BLOCK_SIZE, block * BLOCK_SIZE + bytes);
  }

  remove(block: number): void {
    const run = this.#live.get(block);
    if (run === undefined) return;
    this.#live.delete(block);
    this.#map.fill(0, block, block + lengthOf(run.bytes));
  }

  /** Throws unless the first `length` bytes of the run, which may have moved to block `at`, still hold its cookie. */
  assertIntact({ block, bytes, cookie }: LiveRun, at = block, length = bytes): void {
    const from = at * BLOCK_SIZE;
    for (let byte = from; byte < from + length; byte++) {
      if (this.#data[byte] !== cookie) {
        throw new Error(`byte ${byte - from} of the run of ${bytes} bytes at block ${block} was overwritten`);
      }
    }
  }

  assertAllIntact(): void {
    for (const run of this.#live.values()) this.assertIntact(run);
  }

  #put(run: LiveRun): void {
    this.#live.set(run.block, run);
    this.#map.fill(run.block + 1, run.block, run.block + lengthOf(run.bytes));
  }
}

/** Throws if a run that was handed out does not lie inside the data. */
export function assertInside(data: Uint8Array, block: number, bytes: number): void {
  if (!(block >= 0 && block * BLOCK_SIZE + bytes <= data.length)) {
    throw new Error(`${bytes} bytes at block ${block} lie outside the data`);
  }
}

function lengthOf(bytes: number): number {
  return Math.ceil(bytes / BLOCK_SIZE);
}

export interface PopulatedPool {
  /** Four workers that are attached and alive. */
  readonly workers: readonly SimWorker[];
  readonly dead: SimWorker;
  /** The runs that are allocated by these workers, by the dead one, and by one that has left. */
  readonly live: readonly LiveRun[];
}

/** The shape of the pool that `populate` fills. */
export const POPULATED_SHAPE: SimShape = {
  blocks: 221,
  cachedBlocks: 8,
  blockSize: BLOCK_SIZE,
  maxSize: 300 * BLOCK_SIZE,
};

/**
 * Brings a new pool of this shape into a state in which every structure of a region is in use:
 *
 * - free runs of many lengths, two of them in one class above 64;
 * - single blocks and runs of four living workers, of one that has left and of one that has died;
 * - caches of single blocks and of short runs that are full, half full, empty, and with stale entries;
 * - a depot that holds blocks;
 * - room to grow.
 *
 * `caching` is false for a checked pool, which has neither caches nor a depot.
 */
export function populate(backing: Backing, caching = true): PopulatedPool {
  const [one, two, three, four, leaver] = Array.from({ length: 5 }, () => SimWorker.attach(backing)) as Five;
  const setup = new Setup(backing);
  setup.give(one, setup.take(one, 1));
  // Worker one recalls what worker four has cached, so all entries of four are stale.
  setup.take(four, 1);
  setup.give(four, setup.take(four, 2));
  assertTrue(one.alloc(one.region.table.capacity * BLOCK_SIZE) === NONE, "a recall that found too little");
  // The first block of the pool is cached.
  setup.give(one, setup.take(one, 1));

  setup.take(leaver, 3, 130);
  setup.take(leaver, 11, 650);
  setup.take(leaver, 1, 5);
  leaver.allocator.leave();
  const dead = SimWorker.attach(backing, true);
  setup.take(dead, 2);
  setup.take(dead, 1, 40);
  setup.give(dead, setup.take(dead, 3));

  const long = [66, 67].map((length) => setup.takeApart(one, two, length));
  const short = [3, 2, 3, 5, 4, 9].map((length, place) => setup.takeApart([one, two, three][place % 3]!, two, length));
  for (const block of long) setup.give(one, block);
  // Worker three frees what worker two allocated: its cache becomes full, and the rest goes to the depot.
  const singles = Array.from({ length: 13 }, () => setup.take(two, 1));
  for (const block of singles) setup.give(three, block);
  // The cache of worker one has room for the shortest of these runs only. The cache of worker two takes the last one.
  for (const block of short.slice(1)) setup.give(one, block);
  setup.give(two, setup.takeApart(two, two, 3));

  const workers = [one, two, three, four];
  assertVaried(workers, caching);
  return { workers, dead, live: setup.holdings.all };
}

type Five = [SimWorker, SimWorker, SimWorker, SimWorker, SimWorker];

/** Throws if the pool lacks a part of the state that the tests rely on. A change of the allocator may cause that. */
function assertVaried(workers: readonly SimWorker[], caching: boolean): void {
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
  assertTrue(
    stateOf(region.table.tag(0)) === CACHED && region.depot.count > 0,
    "a cached first block and a depot in use",
  );
  assertTrue(runs.filter(({ state }) => state === CACHED_RUN).length === 3, "three cached runs, one of a dead worker");
}

function assertTrue(condition: boolean, part: string): void {
  if (!condition) throw new Error(`The populated pool lacks ${part}`);
}

/** The call stack that the allocation log of a checked pool gets for every allocation and free here. */
const STACK = "    at tests/region/_populated_pool.ts";

/** Allocates and frees before a test begins, and records which worker holds which run. */
export class Setup {
  readonly holdings: Holdings;

  constructor(backing: Backing, live: Iterable<LiveRun> = []) {
    this.holdings = new Holdings(backing.data, live);
  }

  /** Allocates a run of `blocks` blocks. Returns its first block, or NONE. */
  take(worker: SimWorker, blocks: number, bytes = blocks * BLOCK_SIZE): number {
    const block = worker.alloc(bytes);
    this.holdings.add(worker, block, bytes);
    if (block !== NONE) worker.log?.allocated(block, STACK);
    return block;
  }

  /** Allocates runs of `blocks` blocks until none is left. */
  takeAll(worker: SimWorker, blocks: number): void {
    while (this.take(worker, blocks) !== NONE);
  }

  /**
   * Allocates a run, and behind it one that stays allocated, so that the first one does not coalesce when it is freed.
   */
  takeApart(worker: SimWorker, other: SimWorker, blocks: number): number {
    const block = this.take(worker, blocks);
    this.take(other, 2, 100);
    return block;
  }

  /** Frees an allocated run. */
  give(worker: SimWorker, block: number): void {
    const { log } = worker;
    log?.freed(block, log.sequence(block), log.allocatedAt(block), STACK);
    assertTrue(worker.free(block), `an allocated run at block ${block}`);
    this.holdings.remove(block);
  }
}
