import process from "node:process";

/** The part of Deno's global object that is used here. */
interface Unloading {
  addEventListener(type: "unload", listener: () => void): void;
}

/**
 * Calls `listener` when the main module ends, if this is its thread: a process may go on after that, and start it anew.
 * Only Deno tells.
 */
export function onUnload(listener: () => void): void {
  if (!("Deno" in globalThis && process.getBuiltinModule("node:worker_threads").isMainThread)) return;
  (globalThis as unknown as Unloading).addEventListener("unload", listener);
}
