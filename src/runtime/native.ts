/**
 * The contract between the pool and a runtime: the functions of native/mempool.h, without pointers. adapter.ts
 * implements it; deno.ts, bun.ts and node.ts add what differs between the runtimes.
 *
 * A region has an id, which is never used again, and a number, which is its index in the native registry and is valid
 * in all threads of the process while the region is open.
 *
 * @module
 */

import type { LibcSymbols } from "./libc.ts";

/** The version of the native library that this code needs: MEMPOOL_ABI in native/mempool.h. */
export const ABI = 6;

/** MEMPOOL_NAME_LIMIT: the most UTF-16 units of a name. */
export const NAME_LIMIT = 200;

// The parts of a region, for mempool_discard.

/** MEMPOOL_META. */
export const META = 0;
/** MEMPOOL_DATA. */
export const DATA = 1;

// Results of `Native.open` that are not the number of a region.

/** MEMPOOL_UNKNOWN: the process never had a region with this id. */
export const REGION_UNKNOWN = -1;
/** MEMPOOL_DESTROYED: the region with this id is destroyed. */
export const REGION_DESTROYED = -2;

// Results of `Mapping.lock`: bits, of which several may be set, or a negative number if the lock was not acquired.

/** MEMPOOL_LOCKED: no bit is set, the lock was free. */
export const LOCKED = 0;
/** MEMPOOL_CONTENDED: the worker had to wait. */
export const CONTENDED = 1;
/** MEMPOOL_INHERITED: the owner died while it held the lock, or this thread was thrown out of its critical section. */
export const INHERITED = 2;
/** MEMPOOL_TIMED_OUT. */
export const TIMED_OUT = -1;

/** One thread's access to a region that it has open. */
export interface Mapping {
  /** All of meta, in whole pages. */
  readonly meta: ArrayBuffer;
  /** The bytes that the data may grow to. */
  readonly dataBytes: number;
  /** Makes a buffer over these bytes of the data. */
  buffer(offset: number, byteLength: number): ArrayBuffer;
  /** Distance of a buffer's memory from the first data byte, or -1 if it lies elsewhere. */
  offsetOf(buffer: ArrayBuffer): number;
  /** Acquires the lock, and waits at most `timeout` milliseconds for it. Returns one of the results above. */
  lock(timeout: number): number;
  unlock(): void;
  /**
   * Compare-and-exchange on a 32-bit word of meta, atomic and sequentially consistent, in the way that is fastest on
   * this runtime. Returns the value that it found.
   */
  exchange(word: number, expected: number, replacement: number): number;
  /** Sets bytes of the data to 0. */
  zero(offset: number, byteLength: number): void;
  /** Copies bytes within the data. The ranges may overlap. */
  move(to: number, from: number, byteLength: number): void;
  /** Makes the first `dataBytes` bytes of the data accessible. Returns false if the system refuses. */
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
  /**
   * Ends the region for all threads and gives its memory back, except the first `keepBytes` bytes of meta. The rest of
   * meta goes back only if the lock is free within `timeout` milliseconds.
   */
  destroy(keepBytes: number, timeout: number): void;
  /**
   * Makes the region last until `destroy`; until then it ends with the threads that have it open. Unless `name` is
   * empty, gives the region that name. Returns the region's id; or, if a live region has the name already, changes
   * nothing and returns the id of that region.
   */
  publish(name: Uint16Array): number;
  /** Ends this thread's access. The mapping must not be used afterwards. */
  close(): void;
}

/** The native library, loaded. */
export interface Native {
  /** MEMPOOL_ABI of the loaded library. */
  readonly abi: number;
  /** A number that no other process has, and no other copy of the library in this process. */
  readonly process: number;
  /** The longest ArrayBuffer that the runtime makes over native memory. */
  readonly maxBufferBytes: number;
  /** The id of the calling thread, a whole number above 0 that no other thread ever has; or a negative errno. */
  thread(): number;
  /** Whether the thread with this id still runs. If not, it holds no lock any more. */
  alive(thread: number): boolean;
  /** Gives the thread another id. Its present one counts as that of a thread that has ended. */
  restart(): void;
  /** Whether the calling thread had this id before a `restart`. */
  earlier(thread: number): boolean;
  /** Maps a region whose data may grow to `mostBytes`, and opens it. Returns its id, or a negative errno. */
  create(metaBytes: number, dataBytes: number, mostBytes: number): number;
  /** The id of the live region that has this name, 0 if there is none. */
  find(name: Uint16Array): number;
  /** The id of a live region without a name that this thread has made before a `restart`, 0 if there is none. */
  leftBehind(): number;
  /** Opens a live region. Returns its number, REGION_UNKNOWN or REGION_DESTROYED. */
  open(id: number): number;
  /** Makes every thread of the process execute a full memory barrier. Returns false if the platform cannot do that. */
  barrier(): boolean;
  /** The mapping of the region with this number, which the calling thread must have open. */
  mapping(number: number): Mapping;
}

/** What loading the library needs of a runtime. */
export interface Host {
  /** The operating system: linux, darwin or windows. */
  readonly system: string;
  /** The processor: x64 or arm64. */
  readonly machine: string;
  /** Whether one thread may run several isolates, one after another. */
  readonly restartsInThread: boolean;
  /** The permissions that a user may have to grant, for an error message. */
  readonly permissions: string;
  /** Asks for the permission to call native code. Throws the runtime's error if it is refused. */
  permit(): void;
  /** Loads the library from this path, or the one that is loaded under this name. Throws the runtime's error. */
  load(path: string): Native;
  /** The C library. Throws if there is none, or if it cannot load a library from memory. */
  libc(): LibcSymbols;
}
