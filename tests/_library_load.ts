/** How a thread of a test's process loads the library, and what it says about that. */

import { bunHost } from "../src/ffi/bun.ts";
import { denoHost } from "../src/ffi/deno.ts";
import { loadLibrary } from "../src/ffi/library.ts";
import type { Host, Native } from "../src/ffi/native.ts";
import { PREBUILT } from "../src/ffi/prebuilt.ts";

/** From memory where it can be, or as on systems that cannot. */
export type Way = "memory" | "file";

export interface Report {
  readonly error?: { readonly code: unknown; readonly message: string };
  /** Tells one instance of the library from another. */
  readonly process?: number;
}

export function load(way: Way, libraries = PREBUILT): Native {
  return loadLibrary(hostHere(way), libraries);
}

function hostHere(way: Way): Host {
  const host = "Deno" in globalThis ? denoHost() : bunHost();
  if (way === "memory") return host;
  const libc = (): never => {
    throw new Error("not here");
  };
  return { ...host, libc };
}

export function reportOf(use: () => { readonly process: number }): Report {
  try {
    return { process: use().process };
  } catch (error) {
    const { code, message } = error as { code?: unknown; message: string };
    return { error: { code, message } };
  }
}
