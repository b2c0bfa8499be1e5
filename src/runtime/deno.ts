import { LIBC, type LibcSymbols } from "./libc.ts";
import { DATA, type Host, type Mapping, META, type Native } from "./native.ts";

/** The functions of native/mempool.h, in its order. */
const SYMBOLS = {
  mempool_abi: { parameters: [], result: "u32" },
  mempool_process: { parameters: [], result: "f64" },
  mempool_thread: { parameters: [], result: "f64" },
  mempool_alive: { parameters: [/* thread */ "f64"], result: "i32" },
  mempool_create: {
    parameters: [/* meta_bytes */ "f64", /* data_bytes */ "f64", /* most_bytes */ "f64"],
    result: "f64",
  },
  mempool_open: { parameters: [/* id */ "f64"], result: "i32" },
  mempool_close: { parameters: [/* region */ "u32"], result: "void" },
  mempool_destroy: { parameters: [/* region */ "u32", /* keep_bytes */ "f64", /* timeout_ms */ "u32"], result: "void" },
  mempool_grow: { parameters: [/* region */ "u32", /* data_bytes */ "f64"], result: "i32" },
  mempool_discard: {
    parameters: [/* region */ "u32", /* part */ "u32", /* offset */ "f64", /* bytes */ "f64"],
    result: "f64",
  },
  mempool_meta: { parameters: [/* region */ "u32"], result: "pointer" },
  mempool_data: { parameters: [/* region */ "u32"], result: "pointer" },
  mempool_meta_bytes: { parameters: [/* region */ "u32"], result: "f64" },
  mempool_data_bytes: { parameters: [/* region */ "u32"], result: "f64" },
  mempool_offset: { parameters: [/* region */ "u32", /* address */ "pointer"], result: "f64" },
  mempool_lock: { parameters: [/* region */ "u32", /* timeout_ms */ "u32"], result: "i32" },
  mempool_unlock: { parameters: [/* region */ "u32"], result: "void" },
  mempool_exchange: {
    parameters: [/* region */ "u32", /* word */ "u32", /* expected */ "i32", /* replacement */ "i32"],
    result: "i32",
  },
  mempool_barrier: { parameters: [], result: "i32" },
  mempool_zero: { parameters: [/* region */ "u32", /* offset */ "f64", /* bytes */ "f64"], result: "void" },
  mempool_move: {
    parameters: [/* region */ "u32", /* to */ "f64", /* from */ "f64", /* bytes */ "f64"],
    result: "void",
  },
} as const satisfies Deno.ForeignLibraryInterface;

type Symbols = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

class DenoMapping implements Mapping {
  declare readonly meta: ArrayBuffer;
  declare readonly dataBytes: number;
  declare private readonly symbols: Symbols;
  /** By itself: there are so many symbols that V8 looks them up by their names. */
  declare private readonly exchangeWord: Symbols["mempool_exchange"];
  declare private readonly number: number;
  declare private readonly data: Deno.PointerObject;

  constructor(symbols: Symbols, number: number) {
    this.symbols = symbols;
    this.exchangeWord = symbols.mempool_exchange;
    this.number = number;
    this.data = symbols.mempool_data(number)!;
    this.dataBytes = symbols.mempool_data_bytes(number);
    this.meta = Deno.UnsafePointerView.getArrayBuffer(
      symbols.mempool_meta(number)!,
      symbols.mempool_meta_bytes(number),
    );
  }

  buffer(offset: number, byteLength: number): ArrayBuffer {
    return Deno.UnsafePointerView.getArrayBuffer(this.data, byteLength, offset);
  }

  offsetOf(buffer: ArrayBuffer): number {
    // By a view of ours: of the caller's object Deno asks for the prototypes, of which one may be a proxy.
    return this.symbols.mempool_offset(this.number, Deno.UnsafePointer.of(new Uint8Array(buffer)));
  }

  lock(timeout: number): number {
    return this.symbols.mempool_lock(this.number, timeout);
  }

  unlock(): void {
    this.symbols.mempool_unlock(this.number);
  }

  /** Half the price of Atomics.compareExchange, which V8 calls as a builtin. */
  exchange(word: number, expected: number, replacement: number): number {
    const { exchangeWord } = this;
    return exchangeWord(this.number, word, expected, replacement);
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

class DenoNative implements Native {
  declare readonly abi: number;
  declare readonly process: number;
  readonly maxBufferBytes = Number.MAX_SAFE_INTEGER;
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
    return new DenoMapping(this.symbols, number);
  }
}

const MACHINES: Record<string, string> = { x86_64: "x64", aarch64: "arm64" };

const LIBC_SYMBOLS = {
  gnu_get_libc_version: { parameters: [], result: "pointer" },
  dlopen: { parameters: [/* name */ "buffer", /* flags */ "i32"], result: "pointer" },
  memfd_create: { parameters: [/* name */ "buffer", /* flags */ "u32"], result: "i32" },
  write: { parameters: [/* file */ "i32", /* bytes */ "buffer", /* length */ "usize"], result: "isize" },
  fcntl: { parameters: [/* file */ "i32", /* command */ "i32", /* argument */ "i32"], result: "i32" },
  close: { parameters: [/* file */ "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

type LibcCalls = Deno.DynamicLibrary<typeof LIBC_SYMBOLS>["symbols"];

function libc(): LibcSymbols {
  const symbols: LibcCalls = Deno.dlopen(LIBC, LIBC_SYMBOLS).symbols;
  return {
    ...symbols,
    dlopen: (name, flags) => symbols.dlopen(owned(name), flags),
    memfd_create: (name, flags) => symbols.memfd_create(owned(name), flags),
    write: (file, bytes, length) => symbols.write(file, owned(bytes), BigInt(length)),
  };
}

/** Deno's types take no view that could be on shared memory. */
function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>;
}

/** Deno, as the search for the library sees it. */
export function denoHost(): Host {
  return {
    system: Deno.build.os,
    machine: MACHINES[Deno.build.arch] ?? Deno.build.arch,
    permissions: "Deno needs --allow-ffi, without a path, and where the library has to be put into a file also " +
      "--allow-read, --allow-write and --allow-env",
    // Of all that is used here this asks for most: with a path in --allow-ffi the rest works, and this does not.
    permit: () => Deno.UnsafePointer.of(new Uint8Array(1)),
    // Never closed: another worker of the process may be using it.
    load: (path) => new DenoNative(Deno.dlopen(path, SYMBOLS).symbols),
    libc,
  };
}
