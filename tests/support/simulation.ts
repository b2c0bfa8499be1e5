/**
 * Simulates a pool with several workers in one thread, over plain memory. The code above the native library is the real
 * one: `Allocator`, caches, lock, recovery. Only the library is replaced, by `SimMemory`.
 *
 * So a test can copy, restore and corrupt the whole region, stop a worker between any two stores (recording.ts),
 * declare it dead, and let another one continue. An access that would crash a process is a `Fault` here. Workers do not
 * run at the same time; real races are the subject of tests/workers.
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

/** An access outside the memory, which would crash a real process, or a call that the simulation does not have. */
export class Fault extends Error {}

export interface SimShape {
  readonly blocks: number;
  readonly cachedBlocks: number;
  readonly checked?: boolean;
  /** 64 bytes unless given. */
  readonly blockSize?: number;
  /** The size in bytes that the pool may grow to. */
  readonly maxSize?: number;
}

/** What simulated workers run on: plain memory, or the region of a real pool (_bits_program.ts in tests/region). */
export interface Backing {
  readonly native: Native;
  readonly meta: ArrayBuffer;
  readonly data: Uint8Array;
  /** The mapping of a worker's thread. Exchanges go to `words`, which is a recording array while steps are recorded. */
  mappingFor(thread: number, words: Int32Array): Mapping;
  /** The thread of the worker with this number. A `doomed` worker's thread does not run, or will be declared dead. */
  threadFor(number: number, doomed: boolean): number;
}

/** The memory of a simulated pool, its lock, and the threads that run. */
export class SimMemory implements Native, Backing {
  readonly abi = 0;
  readonly process = 1;
  readonly maxBufferBytes = 2 ** 32;
  readonly native = this;
  readonly meta: ArrayBuffer;
  readonly words: Int32Array;
  readonly counters: Float64Array;
  readonly data: Uint8Array;
  /** The threads that run. A test declares a thread dead by deleting it here. */
  readonly living = new Set<number>();
  /** The thread that holds the lock, 0 for none. */
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

  /** A copy of the current state. */
  copy(): SimMemory {
    const copy = new SimMemory(this.meta.slice(), this.data.slice());
    copy.owner = this.owner;
    for (const thread of this.living) copy.living.add(thread);
    return copy;
  }

  /** Restores the state of a copy. */
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

  /** Each worker has a thread of the same number. */
  threadFor(number: number): number {
    this.living.add(number);
    return number;
  }

  thread(): number {
    throw new Fault("the simulation has no current thread");
  }

  alive(thread: number): boolean {
    return this.living.has(thread);
  }

  restart(): void {
    throw new Fault("a simulated thread is never restarted");
  }

  earlier(): boolean {
    return false;
  }

  barrier(): boolean {
    return true;
  }

  create(): number {
    throw new Fault("the simulation has only one region");
  }

  find(): number {
    throw new Fault("the simulated region has no name");
  }

  leftBehind(): number {
    return 0;
  }

  open(): number {
    return 0;
  }

  mapping(): Mapping {
    throw new Fault("a simulated mapping belongs to one worker");
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

/** Bytes of a page: few, so that runs of a few blocks contain whole pages. */
const PAGE = 256;

/** How many bytes of a range lie in whole pages. */
function wholePages(offset: number, byteLength: number): number {
  return Math.max(0, Math.floor((offset + byteLength) / PAGE) - Math.ceil(offset / PAGE)) * PAGE;
}

/** The mapping of one thread. */
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
    throw new Fault("the simulation makes no buffers");
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

  publish(): number {
    throw new Fault("the simulated region has no name");
  }

  #check(offset: number, byteLength: number): void {
    if (!(offset >= 0 && byteLength >= 0 && offset + byteLength <= this.dataBytes)) {
      throw new Fault(`${byteLength} bytes of the data at ${offset}`);
    }
  }
}

/** No simulated worker sleeps, so none has to be woken. */
const NO_WAKEUP = { listen() {}, stop() {}, wakeHere() {}, wakeOthers() {} } as unknown as Wakeup;

/** A worker: what an `Attachment` has, except for buffers. */
export class SimWorker {
  readonly number: number;
  readonly thread: number;
  readonly slot: number;
  readonly mapping: Mapping;
  readonly region: Region;
  readonly lock: Lock;
  readonly allocator: Allocator;
  /** Only in a checked pool. */
  readonly log: AllocationLog | undefined;

  constructor(backing: Backing, region: Region, number: number, thread: number, slot: number) {
    const mapping = backing.mappingFor(thread, region.meta);
    this.number = number;
    this.thread = thread;
    this.slot = slot;
    this.mapping = mapping;
    this.region = region;
    this.allocator = new Allocator({ native: backing.native, mapping, region, slot, number }, NO_WAKEUP);
    this.lock = this.allocator.lock;
    this.log = region.checked ? new AllocationLog(new Region(backing.meta)) : undefined;
  }

  /** Attaches a new worker: it gets a number and a slot, as in `Attachment`. */
  static attach(backing: Backing, doomed = false): SimWorker {
    const region = new Region(backing.meta);
    checkHeader(region);
    if (region.header[STATE] !== LIVE) throw stateError("attach", region.header[STATE]!);
    const number = region.slots.nextWorker();
    const thread = backing.threadFor(number, doomed);
    const mapping = backing.mappingFor(thread, region.meta);
    const lock = new Lock({ native: backing.native, mapping, region, slot: NONE, number });
    const slot = lock.run("attach", () => {
      revokeBias(backing.native, region, lock.timeout);
      return region.slots.take(number, thread);
    });
    return new SimWorker(backing, region, number, thread, slot);
  }

  /** The same worker on another memory, or with recording arrays as its region. */
  over(backing: Backing, region = new Region(backing.meta)): SimWorker {
    return new SimWorker(backing, region, this.number, this.thread, this.slot);
  }

  alloc(bytes: number): number {
    const block = this.allocator.cache.take(bytes);
    return block === NONE ? this.#delivered(this.allocator.allocate(bytes)) : block;
  }

  allocZeroed(bytes: number): number {
    return this.#delivered(this.allocator.allocateZeroed(bytes));
  }

  allocMany(count: number, bytes: number): Int32Array | undefined {
    return this.#delivered(this.allocator.allocateMany(count, bytes));
  }

  resize(block: number, bytes: number): number {
    return this.#delivered(this.allocator.resize(block, bytes));
  }

  /** Returns whether the run was allocated. */
  free(block: number): boolean {
    return this.allocator.cache.give(block) || this.allocator.free(block);
  }

  check(): void {
    this.lock.inspect("check the pool", () => checkInvariants(this.region));
  }

  /** Clears the journal, as every call of a pool does when its result has reached the caller. */
  #delivered<T>(result: T): T {
    this.allocator.journal.allocated = NONE;
    this.allocator.journal.allocatedMany = undefined;
    return result;
  }

  stats(): MemPoolStats {
    return this.lock.inspect("collect statistics", () => collectStats(this.region));
  }
}
