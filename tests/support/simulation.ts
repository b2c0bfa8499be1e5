/**
 * A pool over plain memory with several workers, all in one thread: every layer below `Attachment` is the real one, the
 * native library is played. So the whole region can be copied, put back and damaged; a worker can be cut off between any
 * two stores; and what would be a fault of the process is an error here.
 */

import type { Wakeup } from "../../src/runtime/wakeup.ts";
import { AllocationLog } from "../../src/checked/allocation_log.ts";
import { Allocator } from "../../src/allocator/allocator.ts";
import { checkInvariants } from "../../src/diagnostics/invariants.ts";
import { CONTENDED, INHERITED, LOCKED, type Mapping, type Native, TIMED_OUT } from "../../src/runtime/native.ts";
import { HEADER_BYTES, LIVE, NONE, STATE } from "../../src/region/layout.ts";
import { Lock } from "../../src/allocator/lock.ts";
import { settingsFrom } from "../../src/options.ts";
import { revokeBias } from "../../src/cache/bias.ts";
import { collectStats, type MemPoolStats } from "../../src/diagnostics/stats.ts";
import { checkHeader, stateError } from "../../src/region/validate.ts";
import { formatRegion, Region } from "../../src/region/region.ts";

/** What would have ended the process. */
export class Fault extends Error {}

export interface SimShape {
  readonly blocks: number;
  readonly cachedBlocks: number;
  readonly checked?: boolean;
  /** 64 bytes unless given. */
  readonly blockSize?: number;
  /** What it may grow to, in bytes. */
  readonly maxSize?: number;
}

/** Where workers live: over plain memory, or over a real region. */
export interface Stage {
  readonly native: Native;
  readonly meta: ArrayBuffer;
  readonly data: Uint8Array;
  /** The region as a worker's thread sees it; `words` is what it changes in meta. */
  mappingFor(thread: number, words: Int32Array): Mapping;
  /** A thread for a worker of this number; one that does not run, or soon will not, if it is `doomed`. */
  threadFor(number: number, doomed: boolean): number;
}

/** The memory of a pool, and what the system knows of its lock and its threads. */
export class SimMemory implements Native, Stage {
  readonly abi = 0;
  readonly process = 1;
  readonly maxBufferBytes = 2 ** 32;
  readonly native = this;
  readonly meta: ArrayBuffer;
  readonly words: Int32Array;
  readonly counters: Float64Array;
  readonly data: Uint8Array;
  /** Threads that run. */
  readonly living = new Set<number>();
  /** The thread that has the lock, 0 for none. */
  owner = 0;

  constructor(meta: ArrayBuffer, data: Uint8Array) {
    this.meta = meta;
    this.words = new Int32Array(meta);
    this.counters = new Float64Array(meta, 0, HEADER_BYTES / 8);
    this.data = data;
  }

  static make({ blocks, blockSize = 64, ...options }: SimShape): SimMemory {
    const settings = settingsFrom(blocks * blockSize, blockSize, options);
    const memory = new SimMemory(
      new ArrayBuffer(settings.metaBytes),
      new Uint8Array(settings.blockCapacity * blockSize),
    );
    formatRegion(memory.meta, settings, true);
    return memory;
  }

  /** The same moment again. */
  copy(): SimMemory {
    const copy = new SimMemory(this.meta.slice(), this.data.slice());
    copy.owner = this.owner;
    for (const thread of this.living) copy.living.add(thread);
    return copy;
  }

  /** Becomes the moment that was copied. */
  restore(from: SimMemory): void {
    this.words.set(from.words);
    this.data.set(from.data);
    this.owner = from.owner;
    this.living.clear();
    for (const thread of from.living) this.living.add(thread);
  }

  mappingFor(thread: number, words: Int32Array): Mapping {
    return new SimMapping(this, thread, words);
  }

  /** The number of the worker; the test says when it dies. */
  threadFor(number: number): number {
    this.living.add(number);
    return number;
  }

  thread(): number {
    throw new Fault("there are many threads");
  }

  alive(thread: number): boolean {
    return this.living.has(thread);
  }

  barrier(): boolean {
    return true;
  }

  create(): number {
    throw new Fault("there is only one region");
  }

  open(): number {
    return 0;
  }

  mapping(): Mapping {
    throw new Fault("a region here belongs to a worker");
  }

  take(thread: number): number {
    if (this.owner === thread) return INHERITED;
    if (this.living.has(this.owner)) return TIMED_OUT;
    const status = this.owner === 0 ? LOCKED : CONTENDED | INHERITED;
    this.owner = thread;
    return status;
  }

  leave(thread: number): void {
    if (this.owner === thread) this.owner = 0;
  }

  zero(offset: number, byteLength: number): void {
    this.data.fill(0, offset, offset + byteLength);
  }

  move(to: number, from: number, byteLength: number): void {
    this.data.copyWithin(to, from, from + byteLength);
  }
}

/** Small, so that a few blocks have some. */
const PAGE = 256;

/** Bytes of the whole pages in a range. */
function wholePages(offset: number, byteLength: number): number {
  return Math.max(0, Math.floor((offset + byteLength) / PAGE) - Math.ceil(offset / PAGE)) * PAGE;
}

/** The region as one thread sees it. */
class SimMapping implements Mapping {
  readonly meta: ArrayBuffer;
  readonly dataBytes: number;
  readonly #memory: SimMemory;
  readonly #thread: number;
  readonly #words: Int32Array;

  constructor(memory: SimMemory, thread: number, words: Int32Array) {
    this.meta = memory.meta;
    this.dataBytes = memory.data.length;
    this.#memory = memory;
    this.#thread = thread;
    this.#words = words;
  }

  lock(): number {
    return this.#memory.take(this.#thread);
  }

  unlock(): void {
    this.#memory.leave(this.#thread);
  }

  exchange(word: number, expected: number, replacement: number): number {
    if (!(word >= 0 && word < this.#words.length)) throw new Fault(`exchange at word ${word}`);
    return Atomics.compareExchange(this.#words, word, expected, replacement);
  }

  zero(offset: number, byteLength: number): void {
    this.#check(offset, byteLength);
    this.#memory.zero(offset, byteLength);
  }

  move(to: number, from: number, byteLength: number): void {
    this.#check(to, byteLength);
    this.#check(from, byteLength);
    this.#memory.move(to, from, byteLength);
  }

  buffer(): ArrayBuffer {
    throw new Fault("there are no buffers here");
  }

  offsetOf(): number {
    return -1;
  }

  grow(dataBytes: number): boolean {
    return dataBytes <= this.dataBytes;
  }

  discardData(offset: number, byteLength: number): number {
    const bytes = wholePages(offset, byteLength);
    if (bytes > 0) this.zero(offset, byteLength);
    return bytes;
  }

  discardMeta(offset: number, byteLength: number): number {
    const bytes = wholePages(offset, byteLength);
    if (bytes > 0) this.#words.fill(0, offset / 4, (offset + byteLength) / 4);
    return bytes;
  }

  destroy(): void {}
  close(): void {}

  #check(offset: number, byteLength: number): void {
    if (!(offset >= 0 && byteLength >= 0 && offset + byteLength <= this.dataBytes)) {
      throw new Fault(`${byteLength} bytes of the data at ${offset}`);
    }
  }
}

/** Nobody sleeps here whom it would have to wake. */
const SILENT_WAKEUP = { listen() {}, stop() {}, wakeHere() {}, wakeOthers() {} } as unknown as Wakeup;

/** A worker: what an attachment has, but for buffers. */
export class SimWorker {
  readonly number: number;
  readonly thread: number;
  readonly slot: number;
  readonly region: Region;
  readonly lock: Lock;
  readonly allocator: Allocator;
  /** In a checked pool. */
  readonly log: AllocationLog | undefined;

  constructor(stage: Stage, region: Region, number: number, thread: number, slot: number) {
    const mapping = stage.mappingFor(thread, region.meta);
    this.number = number;
    this.thread = thread;
    this.slot = slot;
    this.region = region;
    this.allocator = new Allocator({ native: stage.native, mapping, region, slot, number }, SILENT_WAKEUP);
    this.lock = this.allocator.lock;
    this.log = region.checked ? new AllocationLog(new Region(stage.meta)) : undefined;
  }

  /** Takes a number and a slot, as `Attachment` does. */
  static attach(stage: Stage, doomed = false): SimWorker {
    const region = new Region(stage.meta);
    checkHeader(region);
    if (region.header[STATE] !== LIVE) throw stateError("attach", region.header[STATE]!);
    const number = region.slots.nextWorker();
    const thread = stage.threadFor(number, doomed);
    const mapping = stage.mappingFor(thread, region.meta);
    const lock = new Lock({ native: stage.native, mapping, region, slot: NONE, number });
    const slot = lock.run("attach", () => {
      revokeBias(stage.native, region, lock.timeout);
      return region.slots.take(number, thread);
    });
    return new SimWorker(stage, region, number, thread, slot);
  }

  /** The same worker over another memory, or as it is seen through other views. */
  over(stage: Stage, region = new Region(stage.meta)): SimWorker {
    return new SimWorker(stage, region, this.number, this.thread, this.slot);
  }

  alloc(bytes: number): number {
    const block = this.allocator.cache.take(bytes);
    return block === NONE ? this.allocator.allocate(bytes) : block;
  }

  /** Says whether it was allocated. */
  free(block: number): boolean {
    return this.allocator.cache.give(block) || this.allocator.free(block);
  }

  check(): void {
    this.lock.inspect("check the pool", () => checkInvariants(this.region));
  }

  stats(): MemPoolStats {
    return this.lock.inspect("collect statistics", () => collectStats(this.region));
  }
}
