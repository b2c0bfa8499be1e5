/**
 * Records the steps of one operation of a simulated worker: each store to a word or a counter of the region, each
 * change of the data, and each time that it takes or leaves the lock. A test can then replay the first n steps on a
 * copy of the memory, and so see every state in which the worker could have died.
 */

import type { BlockCache } from "../../src/cache/block_cache.ts";
import { Depot } from "../../src/region/depot.ts";
import { FreeLists } from "../../src/region/free_lists.ts";
import { CACHED_BLOCKS, tableWord, waitQueueWord } from "../../src/region/layout.ts";
import { WaitQueue } from "../../src/region/wait_queue.ts";
import type { RunCache } from "../../src/cache/run_cache.ts";
import { Runs } from "../../src/region/runs.ts";
import { WorkerSlots } from "../../src/region/worker_slots.ts";
import { BlockTable } from "../../src/region/block_table.ts";
import { Region } from "../../src/region/region.ts";
import { SimMemory, type SimWorker } from "./simulation.ts";

/** One step of a worker that other workers can see. */
export interface Step {
  /** The word of the region that the step stores to, if it stores to one. */
  readonly word?: number;
  /** Whether no exception can occur after this step before the next one: here, a worker can only die. */
  readonly inside?: boolean;
  /** Repeats the step on another memory. */
  apply(memory: SimMemory): void;
}

/** Calls `act` with a recorded worker. Returns the steps and the result; the memory has the state after all steps. */
export function record<T>(
  memory: SimMemory,
  worker: SimWorker,
  act: (worker: SimWorker) => T,
): { steps: Step[]; result: T } {
  const recording = new RecordingMemory(memory);
  const recorded = worker.over(recording, recordingRegion(recording));
  for (const cache of [recorded.allocator.cache, recorded.allocator.runCache]) {
    for (const name of ["take", "give"] as const) markInside(recording, cache, name);
  }
  const result = withAtomicsFor(() => act(recorded));
  memory.owner = recording.owner;
  return { steps: recording.steps, result };
}

/**
 * Marks the steps of a method of a cache as `inside`. Once such a method has begun to change words, it calls nothing
 * that could throw, a full stack for example.
 */
function markInside(recording: RecordingMemory, cache: BlockCache | RunCache, name: "take" | "give"): void {
  const method = cache[name].bind(cache) as (argument: number) => number | boolean;
  Object.assign(cache, {
    [name]: (argument: number) => {
      recording.inside = true;
      const result = method(argument);
      recording.inside = false;
      return result;
    },
  });
}

/** The same memory, but it records what is done to it. */
class RecordingMemory extends SimMemory {
  readonly steps: Step[] = [];
  /** Whether the next steps are `inside`; see `Step`. */
  inside = false;

  constructor(memory: SimMemory) {
    super(memory.meta, memory.data);
    this.owner = memory.owner;
    for (const thread of memory.living) this.living.add(thread);
  }

  override take(thread: number): number {
    const status = super.take(thread);
    if (status >= 0) this.#noteOwner();
    return status;
  }

  override leave(thread: number): void {
    super.leave(thread);
    this.#noteOwner();
  }

  override zero(offset: number, byteLength: number): void {
    super.zero(offset, byteLength);
    this.steps.push({ apply: (memory) => memory.zero(offset, byteLength) });
  }

  override move(to: number, from: number, byteLength: number): void {
    super.move(to, from, byteLength);
    this.steps.push({ apply: (memory) => memory.move(to, from, byteLength) });
  }

  #noteOwner(): void {
    const { owner } = this;
    this.steps.push({ apply: (memory) => void (memory.owner = owner) });
  }
}

function recordingRegion(recording: RecordingMemory): Region {
  const { meta: buffer, steps } = recording;
  const plain = new Region(buffer);
  const noteWord = (word: number, value: number, inside = recording.inside): void => {
    steps.push({ word, inside, apply: ({ words }) => void (words[word] = value) });
  };
  const noteCounter = (place: number, value: number): void => {
    steps.push({ inside: recording.inside, apply: ({ counters }) => void (counters[place] = value) });
  };
  const cachedBlocks = plain.header[CACHED_BLOCKS]!;
  const start = tableWord(cachedBlocks);
  const meta = observed(plain.meta, noteWord);
  const header = observed(plain.header, noteWord);
  const counters = observed(plain.counters, noteCounter);
  const words = observed(plain.table.words, (place, value, inside) => noteWord(start + place, value, inside));
  const table = new BlockTable(words, header, plain.table.capacity);
  const lists = new FreeLists(header, table);
  const queueWords = [waitQueueWord(cachedBlocks), start] as const;
  const ring = observed(
    plain.meta.subarray(...queueWords),
    (place, ...what) => noteWord(queueWords[0] + place, ...what),
  );
  return {
    ...plain,
    queue: new WaitQueue(header, ring),
    meta,
    header,
    counters,
    table,
    lists,
    runs: new Runs(header, counters, table, lists),
    slots: new WorkerSlots(header, counters),
    depot: new Depot(header, meta, table, cachedBlocks),
  };
}

type Numbers = Int32Array | Float64Array;
type Note = (place: number, value: number, inside?: boolean) => void;
type Method = (...args: never[]) => unknown;

/** The arrays behind the observed ones. */
const behind = new WeakMap<object, { readonly target: Numbers; readonly note: Note }>();

/** An array that notes every store to it. */
export function observed<T extends Numbers>(target: T, note: Note): T {
  const proxy = new Proxy(target, {
    get: (_, name) => {
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? methodOf(target, note, String(name), value as Method) : value;
    },
    set: (_, name, value: number) => {
      target[Number(name)] = value;
      note(Number(name), target[Number(name)]!);
      return true;
    },
  });
  behind.set(proxy, { target, note });
  return proxy;
}

/** A method of an observed array. If it changes the array, each store is noted, in the order of the places. */
function methodOf(target: Numbers, note: Note, name: string, method: Method): unknown {
  return (...args: never[]) => {
    const result: unknown = method.apply(target, args);
    const [first = 0, second = target.length, third = target.length] = args.slice(name === "fill" ? 1 : 0) as number[];
    if (name === "subarray") return observed(result as Numbers, (place, ...what) => note(first + place, ...what));
    if (name === "fill") noteRange(target, note, first, second);
    else if (name === "copyWithin") noteRange(target, note, first, first + third - second);
    else if (name === "reverse") noteRange(target, note, 0, target.length);
    else if (!["slice", "at", "indexOf"].includes(name)) {
      throw new Error(`${name} of an observed array is not recorded`);
    }
    return result;
  };
}

function noteRange(target: Numbers, note: Note, from: number, to: number): void {
  for (let place = from; place < to; place++) note(place, target[place]!, place < to - 1 || undefined);
}

const ATOMICS = ["load", "store", "compareExchange", "exchange", "add"] as const;

/** `Atomics` accepts no proxies. While `body` runs, its functions work on the arrays behind them. */
function withAtomicsFor<T>(body: () => T): T {
  const own = ATOMICS.map((name) => [name, Atomics[name] as Method] as const);
  try {
    for (const [name, method] of own) Object.assign(Atomics, { [name]: throughTo(method, name === "load") });
    return body();
  } finally {
    Object.assign(Atomics, Object.fromEntries(own));
  }
}

/**
 * The same operation on the array behind a proxy. An exchange that fails is noted as a store of the value that was
 * there.
 */
function throughTo(method: Method, reads: boolean): Method {
  return (array: Int32Array, place: number, ...values: number[]) => {
    const proxied = behind.get(array);
    const result = method.apply(Atomics, [proxied?.target ?? array, place, ...values] as never[]);
    if (!reads) proxied?.note(place, proxied.target[place]!);
    return result;
  };
}
