import type { MemPoolHandle } from "./options.ts";
import { AWAITED, DESTROYED, HEADER_BYTES, LOCK_TIMEOUT, STATE } from "./region/layout.ts";
import type { Native } from "./runtime/native.ts";
import { onUnload } from "./runtime/unload.ts";
import { Wakeup } from "./runtime/wakeup.ts";

/** How to destroy the pools that this thread has made with `init`, as far as it knows them to be live. */
const made = new Map<MemPoolHandle, () => void>();

let listens = false;

/**
 * Has pools destroyed when the main module ends, so that a program that a watcher starts again leaks none. Called before
 * a pool is made: it may throw, and that pool would stay.
 */
export function listenForEnd(): void {
  if (!listens) onUnload(destroyMade);
  listens = true;
}

/** Has this pool destroyed then. */
export function rememberMade(handle: MemPoolHandle, destroy: () => void): void {
  made.set(handle, destroy);
}

export function forgetMade(handle: MemPoolHandle): void {
  made.delete(handle);
}

function destroyMade(): void {
  for (const destroy of made.values()) destroy();
}

/**
 * Destroys what earlier isolates of this thread have made with `init`. A watcher that replaces code while the program
 * runs sometimes starts it again instead, and then the main module is not told that it ends.
 */
export function destroyLeftBehind(native: Native): void {
  for (let id = native.leftBehind(); id !== 0; id = native.leftBehind()) destroyUnattached(native, id);
}

/** Destroys a pool that this thread need not be attached to, whatever state it is in. */
export function destroyUnattached(native: Native, id: number): void {
  const number = native.open(id);
  if (number < 0) return;
  const mapping = native.mapping(number);
  const header = new Int32Array(mapping.meta);
  const before = Atomics.exchange(header, STATE, DESTROYED);
  mapping.destroy(HEADER_BYTES, header[LOCK_TIMEOUT]!);
  if (before === AWAITED) new Wakeup(native.process, id).wakeOthers();
  mapping.close();
}
