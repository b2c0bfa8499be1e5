import { MemPoolError } from "../base/errors.ts";
import { Library, LibraryMapping } from "./adapter.ts";
import { type BigintLibc, LIBC, LIBC_SIGNATURES, withNumbers } from "./libc.ts";
import type { Host } from "./native.ts";
import { SIGNATURES, type Symbols } from "./symbols.ts";

/** Deno's kind of pointer; null is none. */
type Pointer = Deno.PointerValue;

class DenoMapping extends LibraryMapping<Pointer> {
  /** A field of its own, because V8 looks up functions by name in an object with so many of them. */
  declare private readonly exchangeWord: Symbols<Pointer>["mempool_exchange"];

  constructor(symbols: Symbols<Pointer>, number: number) {
    super(symbols, number);
    this.exchangeWord = symbols.mempool_exchange;
  }

  protected override bufferAt(pointer: Pointer, offset: number, byteLength: number): ArrayBuffer {
    return Deno.UnsafePointerView.getArrayBuffer(pointer!, byteLength, offset);
  }

  protected override addressOf(buffer: ArrayBuffer): Pointer {
    // Through a view made here: Deno asks the caller's object for its prototypes, and one of them may be a proxy.
    return Deno.UnsafePointer.of(new Uint8Array(buffer));
  }

  /** Costs half as much as Atomics.compareExchange, which V8 calls as a builtin. */
  override exchange(word: number, expected: number, replacement: number): number {
    const { exchangeWord } = this;
    return exchangeWord(this.number, word, expected, replacement);
  }
}

const MACHINES: Record<string, string> = { x86_64: "x64", aarch64: "arm64" };

/** Opens a native library, whose functions have these signatures. */
export function open<Functions>(path: string, signatures: unknown): Functions {
  return Deno.dlopen(path, signatures as Deno.ForeignLibraryInterface).symbols as Functions;
}

/** What the search for the library needs of Deno. */
export function denoHost(): Host {
  if (!("Deno" in globalThis)) {
    const why = "this context of node:vm has no global `Deno`, pass it to `createContext`";
    throw new MemPoolError("unsupported", `Cannot load the native library: ${why}`);
  }
  return {
    system: Deno.build.os,
    machine: MACHINES[Deno.build.arch] ?? Deno.build.arch,
    // A watcher starts the main module again in the main thread.
    restartsInThread: true,
    permissions: "Deno needs --allow-ffi, without a path, and where the library has to be put into a file also " +
      "--allow-read, --allow-write and --allow-env",
    // The call that needs most: with a path in --allow-ffi everything else works, and this does not.
    permit: () => Deno.UnsafePointer.of(new Uint8Array(1)),
    // Never closed, because another worker of the process may be using the library.
    load: (path) => new Library(open<Symbols<Pointer>>(path, SIGNATURES), DenoMapping, Number.MAX_SAFE_INTEGER),
    libc: () => withNumbers(open<BigintLibc>(LIBC, LIBC_SIGNATURES)),
  };
}
