/** Makes chosen system calls of the native library fail, through native/faults.c. */

import { foreign } from "../support/foreign.ts";

/** The calls in the order of `call_kind` in native/faults.h. */
export const CALLS = [
  "mmap",
  "mprotect",
  "munmap",
  "madvise",
  "mincore",
  "pthread_mutexattr_init",
  "pthread_mutex_init",
  "pthread_mutex_trylock",
  "pthread_mutex_timedlock",
  "pthread_mutex_clocklock",
  "open",
  "read",
  "membarrier",
  "clock_gettime",
  "pthread_key_create",
  "pthread_setspecific",
  "nanosleep",
] as const;

/** The clocks that can be shifted, by their number. */
const CLOCKS = ["realtime", "monotonic"] as const;

export type Clock = typeof CLOCKS[number];

export type Call = typeof CALLS[number];

interface Symbols {
  mempool_fault(kind: number, first: number, count: number, error: number): void;
  mempool_calls(kind: number): number;
  mempool_shift_clock(clock: number, first: number, ms: number): void;
}

function open(path: string): Symbols {
  return foreign.open(path, {
    mempool_fault: { parameters: ["u32", "u32", "u32", "i32"], result: "void" },
    mempool_calls: { parameters: ["u32"], result: "u32" },
    mempool_shift_clock: { parameters: ["u32", "u32", "f64"], result: "void" },
  });
}

export class Faults {
  readonly #symbols: Symbols;
  readonly #planned = new Map<Call, number>();

  /**
   * Opens the library at this path, which was built with native/faults.c. The pool then finds it loaded, by its name.
   */
  constructor(path: string) {
    this.#symbols = open(path);
  }

  /** Makes `count` calls of a kind fail with this errno, from call number `first` on. */
  fail(call: Call, error: number, first = 1, count = 1): void {
    this.#planned.set(call, first);
    this.#symbols.mempool_fault(CALLS.indexOf(call), first, count, error);
  }

  /**
   * Makes a clock differ by this number of milliseconds, from reading number `first` of any clock on. The readings count
   * from the last `fail` or `clear`. native/faults.h says what a wait makes of it.
   */
  shiftClock(clock: Clock, ms: number, first = 1): void {
    this.#symbols.mempool_shift_clock(CLOCKS.indexOf(clock), first, ms);
  }

  /** Makes all calls work again, and all clocks right. Throws if a call that should have failed was never made. */
  clear(): void {
    for (const [call, first] of this.#planned) {
      if (this.calls(call) < first) throw new Error(`${call} ${first} was not called`);
    }
    this.#planned.clear();
    for (const kind of CALLS.keys()) this.#symbols.mempool_fault(kind, 0, 0, 0);
    for (const clock of CLOCKS.keys()) this.#symbols.mempool_shift_clock(clock, 0, 0);
  }

  /** The number of calls of this kind since `fail` or `clear`. */
  calls(call: Call): number {
    return this.#symbols.mempool_calls(CALLS.indexOf(call));
  }
}
