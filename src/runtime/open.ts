import process from "node:process";
import { MemPoolError } from "../base/errors.ts";
import { bunHost } from "./bun.ts";
import { denoHost } from "./deno.ts";
import { loadLibrary } from "./library.ts";
import { isolate, isShared } from "./isolate.ts";
import type { Host, Native } from "./native.ts";
import { requireVersion } from "./versions.ts";

let native: Native | undefined;

/** The native library. This thread's first call loads it. */
export function openNative(): Native {
  return native ??= load(hostHere());
}

function load(host: Host): Native {
  const loaded = loadLibrary(host);
  if (host.restartsInThread && isShared && !isolate.announced.has(loaded.process)) {
    // An earlier isolate of this thread has ended, and with it everything that it had attached.
    loaded.restart();
    isolate.announced.add(loaded.process);
  }
  return loaded;
}

function hostHere(): Host {
  const { deno, bun } = process.versions;
  if (deno !== undefined) {
    requireVersion("Deno", deno);
    return denoHost();
  }
  if (bun !== undefined) {
    requireVersion("Bun", bun);
    return bunHost();
  }
  throw new MemPoolError("unsupported", "Cannot load the native library: this runtime is neither Deno nor Bun");
}
