/**
 * The contract between the pool and a runtime: what native/mempool.h offers, without pointers. `deno.ts` and `bun.ts`
 * are its two adapters. A region's number is an index of the native registry, valid in the whole process.
 *
 * @module
 */

import type { LibcSymbols } from "./libc.ts";

/** MEMPOOL_ABI in native/mempool.h. */
export const ABI = 5;

// The parts of a region: MEMPOOL_META and MEMPOOL_DATA.

export const META = 0;
export const DATA = 1;

// What `openRegion` says instead of a region.

export const REGION_UNKNOWN = -1;
export const REGION_DESTROYED = -2;

// What `Region.lock` returns: bits, or a negative number for failure.

export const LOCKED = 0;
export const CONTENDED = 1;
export const INHERITED = 2;
export const TIMED_OUT = -1;

/** A mapped region that this thread has open. */
export interface Mapping {
  /** Header and table, in whole pages. */
  readonly meta: ArrayBuffer;
  /** What the data may grow to. */
  readonly dataBytes: number;
  /** A new buffer over these bytes of the data. */
  buffer(offset: number, byteLength: number): ArrayBuffer;
  /** Distance of a buffer's memory from the first data byte, or -1 when it lies elsewhere. */
  offsetOf(buffer: ArrayBuffer): number;
  /** Takes the lock, waiting at most this many milliseconds. */
  lock(timeout: number): number;
  unlock(): void;
  /** Atomic compare-and-exchange on a 32-bit word of meta, in the runtime's fastest way; returns what stood there. */
  exchange(word: number, expected: number, replacement: number): number;
  /** Sets bytes of the data to 0. */
  zero(offset: number, byteLength: number): void;
  /** Copies within the data, right also where the ranges overlap. */
  move(to: number, from: number, byteLength: number): void;
  /** Lets the data reach so far; false where the system refuses. */
  grow(dataBytes: number): boolean;
  /**
   * Gives the memory of the whole pages among these bytes of the data back to the system. Those pages are zero
   * afterwards; the bytes in other pages stay. Returns how many bytes the pages occupied in memory, which is 0 if the
   * program has not touched them since the last call. Returns 0 and changes nothing if there is no whole page or the
   * system refuses. On systems that cannot tell which pages are in memory, all count.
   */
  discardData(offset: number, byteLength: number): number;
  /** Does the same with bytes of meta. */
  discardMeta(offset: number, byteLength: number): number;
  /** Gives the memory back but for the first bytes of meta. */
  destroy(keepBytes: number, timeout: number): void;
  /** Gives up this thread's hold. Nothing else may be called afterwards. */
  close(): void;
}

/** The native library, loaded. */
export interface Native {
  /** MEMPOOL_ABI of the library that was loaded. */
  readonly abi: number;
  /** Tells this process and this copy of the library from any other. */
  readonly process: number;
  /** The longest ArrayBuffer that the runtime makes over native memory. */
  readonly maxBufferBytes: number;
  /** The calling thread's id, above 0 and never used twice; or a negative errno. */
  thread(): number;
  /** Whether the thread with that id still runs. When it does not, it holds no lock any more. */
  alive(thread: number): boolean;
  /** Maps a region whose data may grow, and opens it; returns its id, or a negative errno. */
  create(metaBytes: number, dataBytes: number, mostBytes: number): number;
  /** Finds a live region: its number for `region`, or UNKNOWN or DESTROYED. */
  open(id: number): number;
  /** Makes every thread of the process pass a full memory barrier; false where the system has no such call. */
  barrier(): boolean;
  /** The region of that number, which `open` has given. */
  mapping(number: number): Mapping;
}

/** What finding and loading the library needs of a runtime. */
export interface Host {
  /** Operating system and processor, as the platforms of the library are named: linux, darwin, windows; x64, arm64. */
  readonly system: string;
  readonly machine: string;
  /** What a user may have to permit, for an error message. */
  readonly permissions: string;
  /** Asks for the permission to call native code. Throws what the runtime throws when it is refused. */
  permit(): void;
  /** Loads the library at this path, or what the process has loaded by this name. Throws what the runtime throws. */
  load(path: string): Native;
  /** The C library, where it can load a library from memory. Throws where it cannot. */
  libc(): LibcSymbols;
}
