/**
 * Models a crash at the worst moments: a worker stops after the 1st, 2nd, … store of an operation, because its thread
 * ends or because an exception leaves its critical section. Then another worker takes the lock, and from that moment
 * everything must be right: `check` passes, every other run is where it was with every byte of it, every block that a
 * living worker has cached has an entry, and after `reap` every block that no worker holds can be allocated exactly once.
 *
 * How to read a failure: "After 7 of 31 steps: … (invariant I4): …. The last store was to word 1 of block 12" tells
 * where the worker stopped, what the next worker found, and which word was written last (word 1 of a block is its
 * length, see src/region/layout.ts). To debug it, put a breakpoint where `momentsOf` yields `count` 7.
 */

import { entriesOf } from "../../src/diagnostics/invariants.ts";
import { CACHED_BLOCKS, DESCRIPTOR_WORDS, NONE, ORPHAN, tableWord } from "../../src/region/layout.ts";
import { isAllocated, isCachedAs, workerOf } from "../../src/region/block_table.ts";
import { Region } from "../../src/region/region.ts";
import { runsOf } from "../support/plain.ts";
import { record, type Step } from "../support/recording.ts";
import type { LiveRun } from "./_populated_pool.ts";
import type { SimMemory, SimWorker } from "../support/simulation.ts";

/** An operation of one worker in a pool that has others. */
export interface Operation {
  readonly memory: SimMemory;
  /** The worker that executes the operation and is stopped. */
  readonly actor: SimWorker;
  readonly act: (actor: SimWorker) => unknown;
  /** Workers that are alive before and after. The first one takes the lock next. */
  readonly others: readonly SimWorker[];
  /** Workers that died before the operation. */
  readonly dead: readonly SimWorker[];
  /** The runs that are allocated by living workers, and by one that has left. */
  readonly live: readonly LiveRun[];
  /** Those of them that the operation may free or move. */
  readonly about: readonly number[];
}

/**
 * How the worker is stopped. "is thrown out": an exception ends its critical section, and the worker continues to live.
 */
export type End = "dies" | "is thrown out";

/** Changes the worker that takes the lock next, to plant a bug there. */
export type Prepare = (next: SimWorker) => void;

/**
 * Stops the operation after each of its stores. Throws at the first one that leaves something wrong. Returns their
 * number.
 */
export function stopEverywhere(operation: Operation, end: End, prepare?: Prepare): number {
  let moments = 0;
  for (const moment of momentsOf(operation)) {
    if (end === "is thrown out" && !moment.inside) continue;
    moments++;
    assertRightAfter(operation, moment, end, prepare);
  }
  return moments;
}

function assertRightAfter(operation: Operation, moment: Moment, end: End, prepare?: Prepare): void {
  try {
    new Aftermath(operation, moment.memory, end, prepare).assertRight();
  } catch (error) {
    throw new Error(`${moment.when}: ${String(error)}. ${lastStore(operation, moment)}`, { cause: error });
  }
}

/** Where the last store before a moment went to, for messages. */
function lastStore({ actor: { region } }: Operation, { last }: Moment): string {
  if (last?.word === undefined) return "The last step was no store to a word: a counter, the data or the lock";
  const inTable = last.word - tableWord(region.header[CACHED_BLOCKS]!);
  if (inTable < 0) return `The last store was to word ${last.word} of the region`;
  return `The last store was to word ${inTable % DESCRIPTOR_WORDS} of block ${Math.floor(inTable / DESCRIPTOR_WORDS)}`;
}

/**
 * Lets two workers die: the first one after every `every`th store of the operation, and the next one after every
 * `every`th store of the recovery that this causes, at a different offset each time. A third worker must then find
 * everything right. Returns the number of pairs.
 */
export function stopRecovery(operation: Operation, every: number): number {
  const { actor, others: [next, ...others], dead, live, about } = operation;
  const left = live.filter(({ owner }) => owner === actor).map(({ block }) => block);
  let moments = 0;
  for (const { memory, count, inside } of momentsOf(operation, every)) {
    if (!inside) continue;
    memory.living.delete(actor.thread);
    const recovery = {
      memory,
      actor: next!,
      act: (worker: SimWorker) => worker.lock.run("recover", () => {}),
      others,
      dead: [...dead, actor],
      live,
      about: [...about, ...left],
    };
    for (const moment of momentsOf(recovery, every, (count / every) % every)) {
      moments++;
      assertRightAfter(recovery, moment, "dies");
    }
  }
  return moments;
}

/** The memory between two stores of an operation. */
interface Moment {
  readonly memory: SimMemory;
  /** How many steps have been made. */
  readonly count: number;
  /** The last of them. */
  readonly last: Step | undefined;
  /** The same, for messages. */
  readonly when: string;
  /** Whether an exception could end a critical section here. Outside of critical sections, nothing is half done. */
  readonly inside: boolean;
}

/** The moments of an operation: every `every`th one, beginning with number `first`. */
function* momentsOf({ memory: before, actor, act }: Operation, every = 1, first = 0): Generator<Moment> {
  const { steps } = record(before.copy(), actor, act);
  const memory = before.copy();
  for (let count = 0; count <= steps.length; count++) {
    const last = steps[count - 1];
    last?.apply(memory);
    const inside = memory.owner === actor.thread && last?.inside !== true;
    const when = `After ${count} of ${steps.length} steps`;
    if (count % every === first) yield { memory: memory.copy(), count, last, when, inside };
  }
}

/** What the other workers find after a worker was stopped. */
class Aftermath {
  readonly #operation: Operation;
  readonly #memory: SimMemory;
  readonly #next: SimWorker;
  readonly #region: Region;
  readonly #dies: boolean;

  constructor(operation: Operation, memory: SimMemory, end: End, prepare: Prepare = () => {}) {
    this.#operation = operation;
    this.#memory = memory;
    this.#next = operation.others[0]!.over(memory);
    this.#region = this.#next.region;
    this.#dies = end === "dies";
    prepare(this.#next);
  }

  assertRight(): void {
    const { actor, others, dead } = this.#operation;
    if (this.#dies) this.#memory.living.delete(actor.thread);
    else this.#memory.owner = 0;
    this.#next.check();
    this.#assertOthersLive();
    for (const worker of others) this.#assertAllEntered(worker);
    if (this.#dies) this.#next.allocator.reap();
    else this.#continue();
    this.#next.check();
    this.#assertOthersLive(this.#dies);
    const { workers } = this.#next.stats();
    const notReaped = dead.filter(({ slot, number }) => this.#region.slots.worker(slot) === number);
    const expected = others.length + notReaped.length;
    if (workers !== expected) throw new Error(`${workers} instead of ${expected} workers have slots`);
    this.#assertNothingLost();
  }

  /** Every run that the operation is not about has the same place, length, owner and contents as before. */
  #assertOthersLive(reaped = false): void {
    const { actor, live, about } = this.#operation;
    const { table } = this.#region;
    for (const { block, bytes, cookie, owner } of live) {
      if (about.includes(block) || (reaped && owner === actor)) continue;
      const tag = table.tag(block);
      if (!isAllocated(tag)) throw new Error(`the run at block ${block} is no longer allocated`);
      if (table.requested(block) !== bytes) {
        throw new Error(`the run at block ${block} has ${table.requested(block)} instead of ${bytes} bytes`);
      }
      if (workerOf(tag) !== owner.number) {
        throw new Error(`the run at block ${block} belongs to worker ${workerOf(tag)} instead of ${owner.number}`);
      }
      for (let byte = block * 64; byte < block * 64 + bytes; byte++) {
        if (this.#memory.data[byte] !== cookie) throw new Error(`the run at block ${block} was overwritten`);
      }
    }
  }

  /** Every run that this worker has cached, according to its tag, has an entry in the worker's cache. */
  #assertAllEntered({ number, slot }: SimWorker): void {
    for (const { first, length, state } of runsOf(this.#region)) {
      if (!isCachedAs(state, length) || workerOf(this.#region.table.tag(first)) !== number) continue;
      if (!entriesOf(this.#region, slot, length).includes(first)) {
        throw new Error(`block ${first} is cached by worker ${number} without an entry`);
      }
    }
  }

  /** The worker whose critical section was ended continues, and leaves the pool. */
  #continue(): void {
    const actor = this.#operation.actor.over(this.#memory);
    if (actor.region.slots.worker(actor.slot) !== actor.number) return; // it was leaving or joining
    this.#assertAllEntered(actor);
    actor.check();
    actor.allocator.leave();
  }

  /** Every block that no worker holds can be allocated, and each only once. */
  #assertNothingLost(): void {
    const { actor, others, dead, live } = this.#operation;
    const holders = new Set([...live.map(({ owner }) => owner), ...others].map(({ number }) => number));
    // Without a death nothing was reaped, so the runs of the stopped worker and of dead workers are still allocated.
    if (this.#dies) holders.delete(actor.number);
    else for (const number of [actor.number, ...dead.map(({ number }) => number), ORPHAN]) holders.add(number);
    const { table } = this.#region;
    let free = table.capacity;
    for (const { first, length } of runsOf(this.#region)) {
      const tag = table.tag(first);
      if (!isAllocated(tag)) continue;
      free -= length;
      if (!holders.has(workerOf(tag))) {
        throw new Error(`the run at block ${first} is still held by worker ${workerOf(tag)}`);
      }
    }
    const allocated = this.#allocateAll();
    const blocks = [...allocated.values()].reduce((sum, length) => sum + length, 0);
    if (blocks !== free) throw new Error(`${blocks} instead of ${free} blocks can be allocated`);
    this.#assertOthersLive(this.#dies);
    for (const block of allocated.keys()) {
      if (!this.#next.free(block)) throw new Error(`block ${block} was handed out and cannot be freed`);
    }
    this.#next.check();
  }

  /**
   * Lets the next worker allocate everything: first as many single blocks as empty and refill its cache, then long
   * runs, which are fewer. Returns the runs, and throws if two of them overlap.
   */
  #allocateAll(): Map<number, number> {
    const allocated = new Map<number, number>();
    const isAllocated = new Uint8Array(this.#region.table.capacity);
    const take = (length: number, most: number): void => {
      for (let count = 0; count < most; count++) {
        const block = this.#next.alloc(length * 64);
        if (block === NONE) return;
        const end = block + length;
        if (isAllocated.subarray(block, end).includes(1)) throw new Error(`block ${block} is handed out twice`);
        isAllocated.fill(1, block, end);
        allocated.set(block, length);
      }
    };
    take(1, 12);
    for (const length of [66, 9, 4, 2, 1]) take(length, Infinity);
    return allocated;
  }
}
