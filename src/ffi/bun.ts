import type { BuildResult, Host, Native, Region } from "./native.ts";

// Not `import "bun:ffi"`, which Deno cannot resolve, and no top-level await, which loses the first messages that a
// Bun worker is sent. On Deno this module is loaded too, and then holds nothing.
const ffi = ("Bun" in globalThis ? process.getBuiltinModule("bun:ffi") : undefined) as typeof import("bun:ffi");

/** The functions of native/mempool.h, in its order. */
const SYMBOLS = {
  mempool_abi: { args: [], returns: "u32" },
  mempool_process: { args: [], returns: "f64" },
  mempool_create: { args: [/* meta_bytes */ "f64", /* data_bytes */ "f64"], returns: "f64" },
  mempool_open: { args: [/* id */ "f64"], returns: "i32" },
  mempool_close: { args: [/* region */ "u32"], returns: "void" },
  mempool_destroy: { args: [/* region */ "u32", /* keep_bytes */ "f64", /* timeout_ms */ "u32"], returns: "void" },
  mempool_meta: { args: [/* region */ "u32"], returns: "ptr" },
  mempool_data: { args: [/* region */ "u32"], returns: "ptr" },
  mempool_meta_bytes: { args: [/* region */ "u32"], returns: "f64" },
  mempool_data_bytes: { args: [/* region */ "u32"], returns: "f64" },
  mempool_offset: { args: [/* region */ "u32", /* address */ "ptr"], returns: "f64" },
  mempool_lock: { args: [/* region */ "u32", /* timeout_ms */ "u32"], returns: "i32" },
  mempool_unlock: { args: [/* region */ "u32"], returns: "void" },
  mempool_barrier: { args: [], returns: "i32" },
  mempool_zero: { args: [/* region */ "u32", /* offset */ "f64", /* bytes */ "f64"], returns: "void" },
  mempool_move: { args: [/* region */ "u32", /* to */ "f64", /* from */ "f64", /* bytes */ "f64"], returns: "void" },
} as const;

type Symbols = ReturnType<typeof ffi.dlopen<typeof SYMBOLS>>["symbols"];

class BunRegion implements Region {
  readonly meta: ArrayBuffer;
  readonly dataBytes: number;
  readonly #symbols: Symbols;
  readonly #number: number;
  readonly #data: number;
  readonly #words: Int32Array;

  constructor(symbols: Symbols, number: number) {
    this.#symbols = symbols;
    this.#number = number;
    this.#data = Number(symbols.mempool_data(number));
    this.dataBytes = symbols.mempool_data_bytes(number);
    this.meta = ffi.toArrayBuffer(symbols.mempool_meta(number)!, 0, symbols.mempool_meta_bytes(number));
    this.#words = new Int32Array(this.meta);
  }

  buffer(offset: number, byteLength: number): ArrayBuffer {
    return ffi.toArrayBuffer(this.#data, offset, byteLength);
  }

  offsetOf(buffer: ArrayBuffer): number {
    return this.#symbols.mempool_offset(this.#number, ffi.ptr(buffer));
  }

  lock(timeout: number): number {
    return this.#symbols.mempool_lock(this.#number, timeout);
  }

  unlock(): void {
    this.#symbols.mempool_unlock(this.#number);
  }

  /** JavaScriptCore compiles this to the instruction itself. */
  exchange(word: number, expected: number, replacement: number): number {
    return Atomics.compareExchange(this.#words, word, expected, replacement);
  }

  zero(offset: number, byteLength: number): void {
    this.#symbols.mempool_zero(this.#number, offset, byteLength);
  }

  move(to: number, from: number, byteLength: number): void {
    this.#symbols.mempool_move(this.#number, to, from, byteLength);
  }

  destroy(keepBytes: number, timeout: number): void {
    this.#symbols.mempool_destroy(this.#number, keepBytes, timeout);
  }

  close(): void {
    this.#symbols.mempool_close(this.#number);
  }
}

class BunNative implements Native {
  readonly abi: number;
  readonly process: number;
  readonly maxBufferBytes = 2 ** 32;
  readonly #symbols: Symbols;

  constructor(symbols: Symbols) {
    this.#symbols = symbols;
    this.abi = symbols.mempool_abi();
    this.process = symbols.mempool_process();
  }

  create(metaBytes: number, dataBytes: number): number {
    return this.#symbols.mempool_create(metaBytes, dataBytes);
  }

  open(id: number): number {
    return this.#symbols.mempool_open(id);
  }

  barrier(): boolean {
    return this.#symbols.mempool_barrier() === 1;
  }

  region(number: number): Region {
    return new BunRegion(this.#symbols, number);
  }
}

function run(program: string, args: string[]): BuildResult | undefined {
  if (Bun.which(program) === null) return undefined;
  const { success, stderr } = Bun.spawnSync([program, ...args], { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  return { success, output: stderr.toString() };
}

/** Bun, as the search for the library sees it. */
export function bunHost(): Host {
  return {
    system: process.platform,
    machine: process.arch,
    // Never closed: another worker of the process may be using it.
    load: (path) => new BunNative(ffi.dlopen(path, SYMBOLS).symbols),
    run,
  };
}
