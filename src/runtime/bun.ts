import process from "node:process";
import { AtomicsMapping, Library } from "./adapter.ts";
import { LIBC, LIBC_SIGNATURES, type LibcSymbols } from "./libc.ts";
import type { Host } from "./native.ts";
import { type Signature, SIGNATURES, type Symbols } from "./symbols.ts";

/** The part of bun:ffi that is used here, declared here so that type checks elsewhere do not need Bun's types. */
interface BunFfi {
  dlopen<Functions>(path: string, symbols: Record<string, BunSignature>): { readonly symbols: Functions };
  ptr(buffer: ArrayBuffer): number;
  toArrayBuffer(pointer: number, byteOffset: number, byteLength: number): ArrayBuffer;
}

interface BunSignature {
  readonly args: readonly string[];
  readonly returns: string;
}

// A static import of "bun:ffi" breaks other runtimes, and a top-level await makes Bun's workers lose the first messages
// that they are sent. Other runtimes load this module too, and it holds nothing there. The versions tell the runtime also
// in a context of node:vm, which may have no global `Bun`.
const ffi = (process.versions.bun === undefined ? undefined : process.getBuiltinModule?.("bun:ffi")) as BunFfi;

/** The longest ArrayBuffer over native memory. */
const MAX_BUFFER_BYTES = 2 ** 32;

class BunMapping extends AtomicsMapping<number> {
  protected override bufferAt(pointer: number, offset: number, byteLength: number): ArrayBuffer {
    return ffi.toArrayBuffer(pointer, offset, byteLength);
  }

  protected override addressOf(buffer: ArrayBuffer): number {
    return ffi.ptr(buffer);
  }
}

/** Where Bun has another name for a type. */
const TYPES: Record<string, string> = { pointer: "ptr", buffer: "ptr", isize: "i64" };

/** Opens a native library, whose functions have these signatures. */
export function open<Functions>(path: string, signatures: Readonly<Record<string, Signature>>): Functions {
  const symbols: Record<string, BunSignature> = {};
  for (const [name, { parameters, result }] of Object.entries(signatures)) {
    symbols[name] = { args: parameters.map((type) => TYPES[type] ?? type), returns: TYPES[result] ?? result };
  }
  try {
    return ffi.dlopen<Functions>(path, symbols).symbols;
  } catch (error) {
    // Bun's message does not say what to do about it.
    if (!(error instanceof Error && error.message.includes("requires the JIT"))) throw error;
    throw new Error(`${error.message}, which BUN_JSC_useJIT=0 turns off: unset that variable`, { cause: error });
  }
}

const SYSTEMS: Record<string, string> = { win32: "windows" };

/** What the search for the library needs of Bun. */
export function bunHost(): Host {
  return {
    system: SYSTEMS[process.platform] ?? process.platform,
    machine: process.arch,
    restartsInThread: false,
    permissions: "Bun asks for no permission",
    permit: () => {},
    // Never closed, because another worker of the process may be using the library.
    load: (path) => new Library(open<Symbols<number>>(path, SIGNATURES), BunMapping, MAX_BUFFER_BYTES),
    libc: () => open<LibcSymbols>(LIBC, LIBC_SIGNATURES),
  };
}
