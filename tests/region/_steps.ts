/**
 * Stops a worker after its 1st, 2nd, … step of an operation, and looks at what it leaves: another worker takes the lock,
 * and by then everything has to be right again.
 */

import { entriesOf } from "../../src/diagnostics/invariants.ts";
import { NONE, ORPHAN } from "../../src/region/layout.ts";
import { isAllocated, isCachedAs, workerOf } from "../../src/region/block_table.ts";
import { Region } from "../../src/region/region.ts";
import { runsOf } from "../support/plain.ts";
import { record } from "../support/recording.ts";
import type { Live } from "./_rich.ts";
import type { SimMemory, SimWorker } from "../support/simulation.ts";

/** An operation of a worker, in a pool where others are. */
export interface Operation {
  readonly memory: SimMemory;
  /** Who does it, and is stopped. */
  readonly actor: SimWorker;
  readonly act: (actor: SimWorker) => unknown;
  /** Alive before and after. The first one comes next. */
  readonly others: readonly SimWorker[];
  /** Had died before. */
  readonly dead: readonly SimWorker[];
  /** What the living hold, and one that has left; and what of that the operation is about: that may be free afterwards. */
  readonly live: readonly Live[];
  readonly about: readonly number[];
}

/** How the worker is stopped: it dies; or an error throws it out of its critical section, and it goes on. */
export type End = "dies" | "is thrown out";

/** Changes who comes next, to see that what it does then is needed. */
export type Prepare = (next: SimWorker) => void;

/** Stops the operation everywhere; throws with the first moment that leaves something wrong. Returns how many there were. */
export function stopEverywhere(operation: Operation, end: End, prepare?: Prepare): number {
  let moments = 0;
  for (const moment of momentsOf(operation)) {
    if (end === "is thrown out" && !moment.inside) continue;
    moments++;
    assertRightAfter(operation, moment, end, prepare);
  }
  return moments;
}

function assertRightAfter(operation: Operation, { memory, when }: Moment, end: End, prepare?: Prepare): void {
  try {
    new Aftermath(operation, memory, end, prepare).assertRight();
  } catch (error) {
    throw new Error(`${when}: ${String(error)}`, { cause: error });
  }
}

/**
 * Lets the worker die at every so many of its moments, and the next one at every so many, others each time, of the recovery
 * that this makes necessary; then the third one has to find everything right.
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

interface Moment {
  readonly memory: SimMemory;
  readonly count: number;
  /** For people. */
  readonly when: string;
  /** Whether it is in a critical section, where something could throw the worker out: elsewhere nothing is half done. */
  readonly inside: boolean;
}

/** One of every so many, from a first one on. */
function* momentsOf({ memory: before, actor, act }: Operation, every = 1, first = 0): Generator<Moment> {
  const { steps } = record(before.copy(), actor, act);
  const memory = before.copy();
  for (let count = 0; count <= steps.length; count++) {
    const last = steps[count - 1];
    last?.apply(memory);
    const inside = memory.owner === actor.thread && last?.inside !== true;
    const when = `After ${count} of ${steps.length} steps`;
    if (count % every === first) yield { memory: memory.copy(), count, when, inside };
  }
}

/** The moment after a worker was stopped. */
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
    else this.#goOn();
    this.#next.check();
    this.#assertOthersLive(this.#dies);
    const { workers } = this.#next.stats();
    const unburied = dead.filter(({ slot, number }) => this.#region.slots.worker(slot) === number);
    const expected = others.length + unburied.length;
    if (workers !== expected) throw new Error(`${workers} instead of ${expected} workers have slots`);
    this.#assertNothingLost();
  }

  /** What the operation was not about is as it was: where, how long, whose, and every byte of it. */
  #assertOthersLive(reaped = false): void {
    const { actor, live, about } = this.#operation;
    const { table } = this.#region;
    for (const { block, bytes, cookie, owner } of live) {
      if (about.includes(block) || (reaped && owner === actor)) continue;
      const tag = table.tag(block);
      if (!isAllocated(tag)) throw new Error(`the run at block ${block} is not allocated any more`);
      if (table.requested(block) !== bytes) {
        throw new Error(`the run at block ${block} has ${table.requested(block)} bytes`);
      }
      if (workerOf(tag) !== owner.number) throw new Error(`the run at block ${block} is worker ${workerOf(tag)}'s`);
      const data = this.#memory.data.subarray(block * 64, block * 64 + bytes);
      if (!data.every((byte) => byte === cookie)) throw new Error(`the run at block ${block} has been written to`);
    }
  }

  /** Every block that a living worker has cached has its entry. */
  #assertAllEntered({ number, slot }: SimWorker): void {
    for (const { first, length, state } of runsOf(this.#region)) {
      if (!isCachedAs(state, length) || workerOf(this.#region.table.tag(first)) !== number) continue;
      if (!entriesOf(this.#region, slot, length).includes(first)) {
        throw new Error(`block ${first} is cached by worker ${number} without an entry`);
      }
    }
  }

  /** The worker that was thrown out goes on, and leaves as it should. */
  #goOn(): void {
    const actor = this.#operation.actor.over(this.#memory);
    if (actor.region.slots.worker(actor.slot) !== actor.number) return; // it was leaving, or joining
    this.#assertAllEntered(actor);
    actor.check();
    actor.allocator.leave();
  }

  /** Every block that nobody holds can be had, once. */
  #assertNothingLost(): void {
    const { actor, others, dead, live } = this.#operation;
    const holders = new Set([...live.map(({ owner }) => owner), ...others].map(({ number }) => number));
    // Of those that were stopped and have not died everything stays; nobody has reaped.
    if (this.#dies) holders.delete(actor.number);
    else for (const number of [actor.number, ...dead.map(({ number }) => number), ORPHAN]) holders.add(number);
    const { table } = this.#region;
    let free = table.capacity;
    for (const { first, length } of runsOf(this.#region)) {
      const tag = table.tag(first);
      if (!isAllocated(tag)) continue;
      free -= length;
      if (!holders.has(workerOf(tag))) throw new Error(`the run at block ${first} is left by worker ${workerOf(tag)}`);
    }
    const got = new Set<number>();
    for (let block = this.#next.alloc(64); block !== NONE; block = this.#next.alloc(64)) got.add(block);
    if (got.size !== free) throw new Error(`${got.size} of ${free} blocks can be had`);
    this.#assertOthersLive(this.#dies);
    for (const block of got) {
      if (!this.#next.free(block)) throw new Error(`block ${block} was had and is not allocated`);
    }
    this.#next.check();
  }
}
