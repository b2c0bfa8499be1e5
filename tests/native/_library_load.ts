/** How a thread of a test's process loads the library, and what it says about that. */

import { bunHost } from "../../src/runtime/bun.ts";
import { denoHost } from "../../src/runtime/deno.ts";
import type { LibcSymbols } from "../../src/runtime/libc.ts";
import { loadLibrary } from "../../src/runtime/library.ts";
import type { Native } from "../../src/runtime/native.ts";
import { PREBUILT } from "../../src/runtime/prebuilt.ts";

/** From memory where it can be, or as on systems that cannot. */
export type Way = "memory" | "file";

export interface Report {
  readonly error?: { readonly code: unknown; readonly message: string };
  /** Tells one instance of the library from another. */
  readonly process?: number;
}

/** Calls `before` when the library was looked for in vain, and is about to be loaded. */
export function load(way: Way, libraries = PREBUILT, before: () => void = () => {}): Native {
  const host = "Deno" in globalThis ? denoHost() : bunHost();
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
