/**
 * The functions of native/mempool.h: their types for TypeScript, and their signatures for the runtimes' FFI.
 *
 * @module
 */

/** What a runtime calls with: `Pointer` is its kind of pointer. */
export interface Symbols<Pointer> {
  mempool_abi(): number;
  mempool_process(): number;
  mempool_thread(): number;
  mempool_alive(thread: number): number;
  mempool_restart(): void;
  mempool_earlier(thread: number): number;
  mempool_create(metaBytes: number, dataBytes: number, mostBytes: number): number;
  mempool_publish(region: number, length: number, units: Uint16Array): number;
  mempool_find(length: number, units: Uint16Array): number;
  mempool_left_behind(): number;
  mempool_open(id: number): number;
  mempool_close(region: number): void;
  mempool_destroy(region: number, keepBytes: number, timeout: number): void;
  mempool_grow(region: number, dataBytes: number): number;
  mempool_discard(region: number, part: number, offset: number, bytes: number): number;
  mempool_meta(region: number): Pointer;
  mempool_data(region: number): Pointer;
  mempool_meta_bytes(region: number): number;
  mempool_data_bytes(region: number): number;
  mempool_offset(region: number, address: Pointer): number;
  mempool_lock(region: number, timeout: number): number;
  mempool_unlock(region: number): void;
  mempool_exchange(region: number, word: number, expected: number, replacement: number): number;
  mempool_barrier(): number;
  mempool_zero(region: number, offset: number, bytes: number): void;
  mempool_move(region: number, to: number, from: number, bytes: number): void;
}

/** A C type. `isize` and `usize` have the size of a pointer; `buffer` is a pointer to bytes of JavaScript's. */
type Type = "i32" | "u32" | "f64" | "isize" | "usize" | "pointer" | "buffer" | "void";

/** A function's signature. */
export interface Signature {
  readonly parameters: readonly Exclude<Type, "void">[];
  readonly result: Exclude<Type, "buffer">;
}

/** The signatures, in the order of native/mempool.h. Counts of bytes and ids are f64, as they may exceed 32 bits. */
export const SIGNATURES: Readonly<Record<keyof Symbols<unknown>, Signature>> = {
  mempool_abi: { parameters: [], result: "u32" },
  mempool_process: { parameters: [], result: "f64" },
  mempool_thread: { parameters: [], result: "f64" },
  mempool_alive: { parameters: ["f64"], result: "i32" },
  mempool_restart: { parameters: [], result: "void" },
  mempool_earlier: { parameters: ["f64"], result: "i32" },
  mempool_create: { parameters: ["f64", "f64", "f64"], result: "f64" },
  mempool_publish: { parameters: ["u32", "u32", "buffer"], result: "f64" },
  mempool_find: { parameters: ["u32", "buffer"], result: "f64" },
  mempool_left_behind: { parameters: [], result: "f64" },
  mempool_open: { parameters: ["f64"], result: "i32" },
  mempool_close: { parameters: ["u32"], result: "void" },
  mempool_destroy: { parameters: ["u32", "f64", "u32"], result: "void" },
  mempool_grow: { parameters: ["u32", "f64"], result: "i32" },
  mempool_discard: { parameters: ["u32", "u32", "f64", "f64"], result: "f64" },
  mempool_meta: { parameters: ["u32"], result: "pointer" },
  mempool_data: { parameters: ["u32"], result: "pointer" },
  mempool_meta_bytes: { parameters: ["u32"], result: "f64" },
  mempool_data_bytes: { parameters: ["u32"], result: "f64" },
  mempool_offset: { parameters: ["u32", "pointer"], result: "f64" },
  mempool_lock: { parameters: ["u32", "u32"], result: "i32" },
  mempool_unlock: { parameters: ["u32"], result: "void" },
  mempool_exchange: { parameters: ["u32", "u32", "i32", "i32"], result: "i32" },
  mempool_barrier: { parameters: [], result: "i32" },
  mempool_zero: { parameters: ["u32", "f64", "f64"], result: "void" },
  mempool_move: { parameters: ["u32", "f64", "f64", "f64"], result: "void" },
};
