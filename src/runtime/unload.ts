import process from "node:process";

/** The part of Deno's global object that is used here. A context of node:vm may lack it. */
interface Unloading {
  addEventListener?(type: "unload", listener: () => void): void;
}

/**
 * Calls `listener` when the main module ends, if this is its thread: a process may go on after that, and start it anew.
 * Only Deno tells.
 */
export function onUnload(listener: () => void): void {
  if (process.versions["deno"] === undefined) return;
  if (!process.getBuiltinModule("node:worker_threads").isMainThread) return;
  // Called without an object, Deno's function takes its own global object also where a context was given the function.
  const { addEventListener } = globalThis as unknown as Unloading;
  addEventListener?.("unload", listener);
}
