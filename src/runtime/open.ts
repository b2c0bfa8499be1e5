import process from "node:process";
import { bunHost } from "./bun.ts";
import { denoHost } from "./deno.ts";
import { loadLibrary } from "./library.ts";
import { isolate, isShared } from "./isolate.ts";
import type { Host, Native } from "./native.ts";
import { hasNodeFfi, nodeHost } from "./node.ts";
import { requireNode, requireVersion } from "./versions.ts";

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
  const { deno, bun, node } = process.versions;
  if (deno !== undefined) {
    requireVersion("Deno", deno);
    return denoHost();
  }
  if (bun !== undefined) {
    requireVersion("Bun", bun);
    return bunHost();
  }
  requireNode(node, hasNodeFfi());
  return nodeHost();
}
