import process from "node:process";
import { LIBC, type LibcSymbols } from "./libc.ts";
import { DATA, type Host, type Mapping, META, type Native } from "./native.ts";

/** What is used of bun:ffi: written out, so that the type check of a program for Deno does not ask for Bun's types. */
interface BunFfi {
  dlopen<Calls>(path: string, symbols: unknown): { readonly symbols: Calls };
  ptr(buffer: ArrayBuffer): number;
  toArrayBuffer(pointer: number, byteOffset: number, byteLength: number): ArrayBuffer;
}

/** The functions of native/mempool.h, in its order, as SYMBOLS declares them. */
interface Symbols {
  mempool_abi(): number;
  mempool_process(): number;
  mempool_thread(): number;
  mempool_alive(thread: number): number;
  mempool_create(metaBytes: number, dataBytes: number, mostBytes: number): number;
  mempool_open(id: number): number;
  mempool_close(mapping: number): void;
  mempool_destroy(mapping: number, keepBytes: number, timeout: number): void;
  mempool_grow(mapping: number, dataBytes: number): number;
  mempool_discard(mapping: number, part: number, offset: number, bytes: number): number;
  mempool_meta(mapping: number): number;
  mempool_data(mapping: number): number;
  mempool_meta_bytes(mapping: number): number;
  mempool_data_bytes(mapping: number): number;
  mempool_offset(mapping: number, address: number): number;
  mempool_lock(mapping: number, timeout: number): number;
  mempool_unlock(mapping: number): void;
  mempool_barrier(): number;
  mempool_zero(mapping: number, offset: number, bytes: number): void;
  mempool_move(mapping: number, to: number, from: number, bytes: number): void;
}

const SYMBOLS = {
  mempool_abi: { args: [], returns: "u32" },
  mempool_process: { args: [], returns: "f64" },
  mempool_thread: { args: [], returns: "f64" },
  mempool_alive: { args: ["f64"], returns: "i32" },
  mempool_create: { args: ["f64", "f64", "f64"], returns: "f64" },
  mempool_open: { args: ["f64"], returns: "i32" },
  mempool_close: { args: ["u32"], returns: "void" },
  mempool_destroy: { args: ["u32", "f64", "u32"], returns: "void" },
  mempool_grow: { args: ["u32", "f64"], returns: "i32" },
  mempool_discard: { args: ["u32", "u32", "f64", "f64"], returns: "f64" },
  mempool_meta: { args: ["u32"], returns: "ptr" },
  mempool_data: { args: ["u32"], returns: "ptr" },
  mempool_meta_bytes: { args: ["u32"], returns: "f64" },
  mempool_data_bytes: { args: ["u32"], returns: "f64" },
  mempool_offset: { args: ["u32", "ptr"], returns: "f64" },
  mempool_lock: { args: ["u32", "u32"], returns: "i32" },
  mempool_unlock: { args: ["u32"], returns: "void" },
  mempool_barrier: { args: [], returns: "i32" },
  mempool_zero: { args: ["u32", "f64", "f64"], returns: "void" },
  mempool_move: { args: ["u32", "f64", "f64", "f64"], returns: "void" },
} as const satisfies Record<keyof Symbols, unknown>;

// Not `import "bun:ffi"`, which Deno cannot resolve, and no top-level await, which loses the first messages that a
// Bun worker is sent. On Deno this module is loaded too, and then holds nothing.
const ffi = ("Bun" in globalThis ? process.getBuiltinModule?.("bun:ffi") : undefined) as BunFfi;

class BunMapping implements Mapping {
  declare readonly meta: ArrayBuffer;
  declare readonly dataBytes: number;
  declare private readonly symbols: Symbols;
  declare private readonly number: number;
  declare private readonly data: number;
  declare private readonly words: Int32Array;

  constructor(symbols: Symbols, number: number) {
    this.symbols = symbols;
    this.number = number;
    this.data = symbols.mempool_data(number);
    this.dataBytes = symbols.mempool_data_bytes(number);
    this.meta = ffi.toArrayBuffer(symbols.mempool_meta(number), 0, symbols.mempool_meta_bytes(number));
    this.words = new Int32Array(this.meta);
  }

  buffer(offset: number, byteLength: number): ArrayBuffer {
    return ffi.toArrayBuffer(this.data, offset, byteLength);
  }

  offsetOf(buffer: ArrayBuffer): number {
    return this.symbols.mempool_offset(this.number, ffi.ptr(buffer));
  }

  lock(timeout: number): number {
    return this.symbols.mempool_lock(this.number, timeout);
  }

  unlock(): void {
    this.symbols.mempool_unlock(this.number);
  }

  /** JavaScriptCore compiles this to the instruction itself. */
  exchange(word: number, expected: number, replacement: number): number {
    return Atomics.compareExchange(this.words, word, expected, replacement);
  }

  zero(offset: number, byteLength: number): void {
    this.symbols.mempool_zero(this.number, offset, byteLength);
  }

  move(to: number, from: number, byteLength: number): void {
    this.symbols.mempool_move(this.number, to, from, byteLength);
  }

  grow(dataBytes: number): boolean {
    return this.symbols.mempool_grow(this.number, dataBytes) === 0;
  }

  discardData(offset: number, byteLength: number): number {
    return this.symbols.mempool_discard(this.number, DATA, offset, byteLength);
  }

  discardMeta(offset: number, byteLength: number): number {
    return this.symbols.mempool_discard(this.number, META, offset, byteLength);
  }

  destroy(keepBytes: number, timeout: number): void {
    this.symbols.mempool_destroy(this.number, keepBytes, timeout);
  }

  close(): void {
    this.symbols.mempool_close(this.number);
  }
}

class BunNative implements Native {
  declare readonly abi: number;
  declare readonly process: number;
  readonly maxBufferBytes = 2 ** 32;
  declare private readonly symbols: Symbols;

  constructor(symbols: Symbols) {
    this.symbols = symbols;
    this.abi = symbols.mempool_abi();
    this.process = symbols.mempool_process();
  }

  thread(): number {
    return this.symbols.mempool_thread();
  }

  alive(thread: number): boolean {
    return this.symbols.mempool_alive(thread) === 1;
  }

  create(metaBytes: number, dataBytes: number, mostBytes: number): number {
    return this.symbols.mempool_create(metaBytes, dataBytes, mostBytes);
  }

  open(id: number): number {
    return this.symbols.mempool_open(id);
  }

  barrier(): boolean {
    return this.symbols.mempool_barrier() === 1;
  }

  mapping(number: number): Mapping {
    return new BunMapping(this.symbols, number);
  }
}

const LIBC_SYMBOLS = {
  gnu_get_libc_version: { args: [], returns: "ptr" },
  dlopen: { args: ["ptr", "i32"], returns: "ptr" },
  memfd_create: { args: ["ptr", "u32"], returns: "i32" },
  write: { args: ["i32", "ptr", "usize"], returns: "i64" },
  fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
  close: { args: ["i32"], returns: "i32" },
} as const satisfies Record<keyof LibcSymbols, unknown>;

const SYSTEMS: Record<string, string> = { win32: "windows" };

/** Bun, as the search for the library sees it. */
export function bunHost(): Host {
  return {
    system: SYSTEMS[process.platform] ?? process.platform,
    machine: process.arch,
    permissions: "Bun asks for no permission",
    permit: () => {},
    // Never closed: another worker of the process may be using it.
    load: (path) => new BunNative(ffi.dlopen<Symbols>(path, SYMBOLS).symbols),
    libc: () => ffi.dlopen<LibcSymbols>(LIBC, LIBC_SYMBOLS).symbols,
  };
}
