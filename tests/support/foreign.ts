/**
 * Calls of native code on every runtime, for the tests' own libraries and those of the system. Imports only from src,
 * because tests copy it.
 */

import process from "node:process";
import { open as openInBun } from "../../src/runtime/bun.ts";
import { open as openInDeno } from "../../src/runtime/deno.ts";
import { open as openInNode } from "../../src/runtime/node.ts";
import type { Signature } from "../../src/runtime/symbols.ts";

interface Foreign {
  /** Opens a library, which stays open. */
  open<Functions>(path: string, signatures: Readonly<Record<string, Signature>>): Functions;
  /** A buffer over native memory. */
  buffer(pointer: unknown, offset: number, byteLength: number): ArrayBuffer;
  /** The address of the first byte of a buffer. */
  addressOf(buffer: ArrayBuffer): number;
}

export const foreign: Foreign = "Deno" in globalThis ? inDeno() : "Bun" in globalThis ? inBun() : inNode();

function inDeno(): Foreign {
  return {
    open: openInDeno,
    buffer: (pointer, offset, byteLength) =>
      Deno.UnsafePointerView.getArrayBuffer(pointer as Deno.PointerObject, byteLength, offset),
    addressOf: (buffer) => Number(Deno.UnsafePointer.value(Deno.UnsafePointer.of(buffer))),
  };
}

interface BunFfi {
  toArrayBuffer(pointer: unknown, offset: number, byteLength: number): ArrayBuffer;
  ptr(buffer: ArrayBuffer): number;
}

function inBun(): Foreign {
  const ffi = process.getBuiltinModule("bun:ffi") as unknown as BunFfi; // a static import would break other runtimes
  return { open: openInBun, buffer: ffi.toArrayBuffer, addressOf: ffi.ptr };
}

interface NodeFfi {
  toArrayBuffer(pointer: bigint, byteLength: number, copy: boolean): ArrayBuffer;
  getRawPointer(buffer: ArrayBuffer): bigint;
}

function inNode(): Foreign {
  const ffi = process.getBuiltinModule("node:ffi") as unknown as NodeFfi;
  return {
    open: openInNode,
    buffer: (pointer, offset, byteLength) => ffi.toArrayBuffer(pointer as bigint + BigInt(offset), byteLength, false),
    addressOf: (buffer) => Number(ffi.getRawPointer(buffer)),
  };
}
