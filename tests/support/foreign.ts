/** Calls of native code on every runtime, for the tests' own libraries and those of the system. */

import process from "node:process";
import { runtime } from "../../scripts/_project.ts";
import type { Signature } from "../../src/runtime/symbols.ts";

/** The signatures of functions whose parameters and results are plain numbers. */
export type Signatures = Readonly<Record<string, Signature>>;

interface Foreign {
  /** Opens a library for as long as the process runs. */
  open<Functions>(path: string, signatures: Signatures): Functions;
  /** The address of the first byte of a buffer. */
  addressOf(buffer: ArrayBuffer): number;
}

const implementations: Record<typeof runtime, () => Foreign> = { Deno: inDeno, Bun: inBun, Node: inNode };

export const foreign: Foreign = implementations[runtime]();

function inDeno(): Foreign {
  return {
    open: <Functions>(path: string, signatures: Signatures) =>
      Deno.dlopen(path, signatures as unknown as Deno.ForeignLibraryInterface).symbols as Functions,
    addressOf: (buffer) => Number(Deno.UnsafePointer.value(Deno.UnsafePointer.of(buffer))),
  };
}

interface BunFfi {
  dlopen(path: string, symbols: unknown): { readonly symbols: unknown };
  ptr(buffer: ArrayBuffer): number;
}

function inBun(): Foreign {
  const ffi = process.getBuiltinModule("bun:ffi") as unknown as BunFfi; // a static import would break other runtimes
  return {
    open: <Functions>(path: string, signatures: Signatures) =>
      ffi.dlopen(path, mapped(signatures, ({ parameters, result }) => ({ args: parameters, returns: result })))
        .symbols as Functions,
    addressOf: ffi.ptr,
  };
}

interface NodeFfi {
  dlopen(path: string, signatures: unknown): { readonly functions: unknown };
  getRawPointer(buffer: ArrayBuffer): bigint;
}

function inNode(): Foreign {
  const ffi = process.getBuiltinModule("node:ffi") as unknown as NodeFfi;
  return {
    open: <Functions>(path: string, signatures: Signatures) =>
      ffi.dlopen(path, mapped(signatures, ({ parameters, result }) => ({ arguments: parameters, return: result })))
        .functions as Functions,
    addressOf: (buffer) => Number(ffi.getRawPointer(buffer)),
  };
}

function mapped<T>(signatures: Signatures, map: (signature: Signature) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(signatures).map(([name, signature]) => [name, map(signature)]));
}
