/**
 * Records every store that a worker makes, in its order: to the words and the counters of the region, and to the data; and
 * when it takes and leaves the lock. So that the moments between any two of them can be looked at.
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

/** One step of a worker that others can see. */
export interface Step {
  /** The word of the region that it stores to, if it is a store to one. */
  readonly word?: number;
  /** Whether it is in the middle of something that nothing can throw out of: the worker can die here, but no more. */
  readonly inside?: boolean;
  /** Does it again. */
  apply(memory: SimMemory): void;
}

/** What `act` lets a worker do, step by step, and what it returns. The memory is as after it. */
export function record<T>(
  memory: SimMemory,
  worker: SimWorker,
  act: (worker: SimWorker) => T,
): { steps: Step[]; result: T } {
  const recording = new RecordingMemory(memory);
  const recorded = worker.over(recording, recordingRegion(recording));
  for (const cache of [recorded.allocator.cache, recorded.allocator.runCache]) {
    for (const name of ["take", "give"] as const) holdTogether(recording, cache, name);
  }
  const result = withAtomicsFor(() => act(recorded));
  memory.owner = recording.owner;
  return { steps: recording.steps, result };
}

/** Once the cache has begun to change something it calls nothing any more: so no full stack, say, can cut it off. */
function holdTogether(recording: RecordingMemory, cache: BlockCache | RunCache, name: "take" | "give"): void {
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

/** The same memory, but what is done to it is written down. */
class RecordingMemory extends SimMemory {
  readonly steps: Step[] = [];
  /** Whether what comes now is held together. */
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
  const meta = watched(plain.meta, noteWord);
  const header = watched(plain.header, noteWord);
  const counters = watched(plain.counters, noteCounter);
  const words = watched(plain.table.words, (place, value, inside) => noteWord(start + place, value, inside));
  const table = new BlockTable(words, header, plain.table.capacity);
  const lists = new FreeLists(header, table);
  const queueWords = [waitQueueWord(cachedBlocks), start] as const;
  const ring = watched(
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

/** The arrays behind the watched ones. */
const behind = new WeakMap<object, { readonly target: Numbers; readonly note: Note }>();

/** An array that tells of every store to it. */
export function watched<T extends Numbers>(target: T, note: Note): T {
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

/** The array's method; of those that change it each store is told, in the order of the places. */
function methodOf(target: Numbers, note: Note, name: string, method: Method): unknown {
  return (...args: never[]) => {
    const result: unknown = method.apply(target, args);
    const [first = 0, second = target.length, third = target.length] = args.slice(name === "fill" ? 1 : 0) as number[];
    if (name === "subarray") return watched(result as Numbers, (place, ...what) => note(first + place, ...what));
    if (name === "fill") noteRange(target, note, first, second);
    else if (name === "copyWithin") noteRange(target, note, first, first + third - second);
    else if (name === "reverse") noteRange(target, note, 0, target.length);
    else if (!["slice", "at", "indexOf"].includes(name)) throw new Error(`${name} of watched numbers is not watched`);
    return result;
  };
}

function noteRange(target: Numbers, note: Note, from: number, to: number): void {
  for (let place = from; place < to; place++) note(place, target[place]!, place < to - 1 || undefined);
}

const ATOMICS = ["load", "store", "compareExchange", "exchange", "add"] as const;

/** `Atomics` takes no proxies: while `body` runs, it is told what is behind them. */
function withAtomicsFor<T>(body: () => T): T {
  const own = ATOMICS.map((name) => [name, Atomics[name] as Method] as const);
  try {
    for (const [name, method] of own) Object.assign(Atomics, { [name]: throughTo(method, name === "load") });
    return body();
  } finally {
    Object.assign(Atomics, Object.fromEntries(own));
  }
}

/** The operation on what is behind a watched array. One that did not change the word is told of as if it had stored the same. */
function throughTo(method: Method, reads: boolean): Method {
  return (array: Int32Array, place: number, ...values: number[]) => {
    const watched = behind.get(array);
    const result = method.apply(Atomics, [watched?.target ?? array, place, ...values] as never[]);
    if (!reads) watched?.note(place, watched.target[place]!);
    return result;
  };
}
