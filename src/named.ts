import { endIfAlone } from "./allocator/join.ts";
import { Attachment, regionOf } from "./attachment.ts";
import { describe } from "./base/arguments.ts";
import { MemPoolError } from "./base/errors.ts";
import { reserveStack } from "./base/stack.ts";
import { differenceOf } from "./differences.ts";
import { takePlaces } from "./evaluation.ts";
import type { MemPoolHandle, Settings } from "./options.ts";
import { AWAITED, DESTROYED, FORMAT, HEADER_BYTES, LOCK_TIMEOUT, STATE } from "./region/layout.ts";
import type { Region } from "./region/region.ts";
import { isLive, stateError } from "./region/validate.ts";
import type { Mapping, Native } from "./runtime/native.ts";
import { openNative } from "./runtime/open.ts";
import { Wakeup } from "./runtime/wakeup.ts";

/**
 * Returns this thread's attachment to the live pool of a name, or makes the pool.
 *
 * The native library keeps the names. It gives a name to a region in one call, once the region is complete, and takes it
 * away in one call, with the end of the region. No thread reserves a name in between, so a thread that dies at any point
 * blocks none:
 *
 * - before `publish`, its region is a draft, which ends with the thread;
 * - after `publish`, the pool is complete;
 * - when it has set the state to DESTROYED and not yet told the native library, the next thread that opens the name does.
 *
 * A round fails only if another thread has made or destroyed a pool of this name meanwhile.
 */
export function openNamed(name: Uint16Array, settings: Settings): Attachment {
  reserveStack();
  const native = openNative();
  for (;;) {
    const id = native.find(name);
    const found = id === 0
      ? Attachment.createNamed(settings, name)
      : joinNamed(native, { format: FORMAT, process: native.process, id }, name, settings);
    if (found !== undefined) return found;
  }
}

/** Returns undefined if the pool was destroyed meanwhile, by this function or by another thread. */
function joinNamed(
  native: Native,
  handle: MemPoolHandle,
  name: Uint16Array,
  settings: Settings,
): Attachment | undefined {
  const number = native.open(handle.id);
  if (number < 0) return undefined;
  const mapping = native.mapping(number);
  let joined: Attachment | undefined;
  try {
    const region = regionOf(mapping);
    if (!isUsable(mapping, region, settings)) return undefined;
    const difference = differenceOf(region, settings);
    if (difference !== undefined) return replace(native, mapping, region, handle, refusal(name, difference));
    takePlaces(handle);
    return Attachment.known(handle.id) ?? (joined = Attachment.join(native, mapping, region, handle));
  } catch (error) {
    if (error instanceof MemPoolError && error.code === "destroyed") return undefined;
    throw error;
  } finally {
    if (joined === undefined) mapping.close();
  }
}

/** Whether the pool is live. If it is destroyed, makes sure that its name is free. */
function isUsable(mapping: Mapping, { header }: Region, { lockTimeout }: Settings): boolean {
  if (isLive(header)) return true;
  if (header[STATE] !== DESTROYED) throw stateError("open", header[STATE]!);
  mapping.destroy(HEADER_BYTES, lockTimeout);
  return false;
}

/** Destroys the pool, for another one to take its place. Throws `refused` if another thread is attached. */
function replace(
  native: Native,
  mapping: Mapping,
  region: Region,
  handle: MemPoolHandle,
  refused: MemPoolError,
): undefined {
  const before = endIfAlone(native, mapping, region);
  if (before === undefined) throw refused;
  mapping.destroy(HEADER_BYTES, region.header[LOCK_TIMEOUT]!);
  if (before === AWAITED) new Wakeup(handle.process, handle.id).wakeOthers();
  takePlaces(handle);
  Attachment.leaveDestroyed(handle.id);
}

function refusal(name: Uint16Array, difference: string): MemPoolError {
  const shown = describe(String.fromCharCode(...name));
  const why = `${difference}, and another thread is attached to it`;
  return new MemPoolError("format-mismatch", `Cannot open pool ${shown}: ${why}`);
}
