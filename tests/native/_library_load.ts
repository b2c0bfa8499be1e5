/** Loads the native library in a thread of a test process, and reports the result. */

import { bunHost } from "../../src/runtime/bun.ts";
import { denoHost } from "../../src/runtime/deno.ts";
import type { LibcSymbols } from "../../src/runtime/libc.ts";
import { loadLibrary } from "../../src/runtime/library.ts";
import type { Native } from "../../src/runtime/native.ts";
import { nodeHost } from "../../src/runtime/node.ts";
import { PREBUILT } from "../../src/runtime/prebuilt.ts";

/** The way to load it: from memory, or from a file as on systems that cannot load from memory. */
export type Way = "memory" | "file";

export interface Report {
  readonly error?: { readonly code: unknown; readonly message: string };
  /** Identifies the copy of the library. */
  readonly process?: number;
}

/** Loads the library. Calls `before` if the library is not loaded yet, just before it is. */
export function load(way: Way, libraries = PREBUILT, before: () => void = () => {}): Native {
  // Found without a module of the project, because this program may not read its files.
  const host = "Deno" in globalThis ? denoHost() : "Bun" in globalThis ? bunHost() : nodeHost();
  return loadLibrary({ ...host, libc: way === "memory" ? () => telling(host.libc(), before) : noLibc }, libraries);
}

function noLibc(): never {
  throw new Error("not here");
}

function telling(libc: LibcSymbols, before: () => void): LibcSymbols {
  const create = (name: Uint8Array, flags: number): number => {
    before();
    return libc.memfd_create(name, flags);
  };
  return { ...libc, memfd_create: create };
}

export function reportOf(use: () => { readonly process: number }): Report {
  try {
    return { process: use().process };
  } catch (error) {
    const { code, message } = error as { code?: unknown; message: string };
    return { error: { code, message } };
  }
}
