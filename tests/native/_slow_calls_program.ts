/**
 * The program of slow_calls_test.ts, for Node with --expose-internals. Prints one line of JSON: the native functions that
 * a pool opens, and those of them that Node calls through generated code.
 */

import { createRequire } from "node:module";
import { MemPool } from "mempool";

type Functions = Record<string, Record<symbol, unknown>>;

/** The part of Node's internals that is used here. */
interface FfiBinding {
  readonly DynamicLibrary: { readonly prototype: { getFunctions: (...args: unknown[]) => Functions } };
  /** Marks functions whose arguments go through memory, which excludes generated code. */
  readonly kSbSharedBuffer: symbol;
}

const { internalBinding } = createRequire(import.meta.url)("internal/test/binding") as {
  internalBinding(name: string): FfiBinding;
};
const { DynamicLibrary: { prototype }, kSbSharedBuffer } = internalBinding("ffi");

// node:ffi takes this method when it is loaded, which is at the first call of a pool.
const all: string[] = [];
const fast: string[] = [];
const { getFunctions } = prototype;
prototype.getFunctions = function (...args) {
  const functions = getFunctions.apply(this, args);
  for (const [name, native] of Object.entries(functions)) {
    all.push(name);
    if (!(kSbSharedBuffer in native)) fast.push(name);
  }
  return functions;
};

MemPool.init(1024, 64).destroy();
console.log(JSON.stringify({ all, fast }));
