import { MemPoolError } from "../base/errors.ts";
import { revokeBias } from "../cache/bias.ts";
import type { Worker } from "../cache/worker.ts";
import { DESTROYED, MAX_WORKERS, NONE, SLOT_COUNT, STATE } from "../region/layout.ts";
import type { Region } from "../region/region.ts";
import { broken, validBlockCount } from "../region/validate.ts";
import type { Mapping, Native } from "../runtime/native.ts";
import type { Hooks } from "./hooks.ts";
import { Lock } from "./lock.ts";
import { Reaper } from "./reap.ts";

/**
 * Makes the calling thread a worker of the pool: gives it a number and a slot, if need be the slot of a dead worker.
 *
 * @param hooks If given, what earlier isolates of this thread have left behind is taken back first.
 */
export function joinPool(native: Native, mapping: Mapping, region: Region, hooks?: Hooks): Worker {
  const number = nextNumber(region);
  const thread = native.thread();
  if (thread < 0) {
    const why = `the system refused to track the lifetime of this thread (errno ${-thread})`;
    throw new MemPoolError("too-many-workers", `Cannot attach: ${why}`);
  }
  const joining: Worker = { native, mapping, region, number, slot: NONE };
  const lock = new Lock(joining);
  const slot = lock.run("attach", () => takeSlot(joining, thread, lock.timeout, hooks));
  if (slot === NONE) {
    throw new MemPoolError("too-many-workers", `Cannot attach: all ${SLOT_COUNT} worker slots of the pool are taken`);
  }
  return { ...joining, slot };
}

function nextNumber(region: Region): number {
  const number = region.slots.nextWorker();
  if (number !== NONE) return number;
  throw new MemPoolError(
    "too-many-workers",
    `Cannot attach: all ${MAX_WORKERS} worker numbers of the pool are used up`,
  );
}

function takeSlot(joining: Worker, thread: number, timeout: number, hooks?: Hooks): number {
  const { native, region, number } = joining;
  const { slots } = region;
  validBlockCount(region);
  if (slots.slotOf(number) !== NONE) throw broken("I13", `worker number ${number} is used a second time`);
  revokeBias(native, region, timeout);
  const reaper = new Reaper(joining);
  if (hooks !== undefined) reaper.reapEarlier(hooks);
  const free = slots.take(number, thread);
  if (free !== NONE) return free;
  reaper.evict();
  return slots.take(number, thread);
}

/**
 * Sets the state of the pool to DESTROYED if no other thread that runs is attached, and returns the state before.
 * Otherwise returns undefined. The caller has opened the region and need not be a worker of the pool.
 */
export function endIfAlone(native: Native, mapping: Mapping, region: Region): number | undefined {
  const lock = new Lock({ native, mapping, region, number: nextNumber(region), slot: NONE });
  return lock.inspect("open", () => {
    const { slots, header } = region;
    for (let slot = 0; slot < slots.used; slot++) {
      const thread = slots.thread(slot);
      const isOther = slots.validWorker(slot) !== 0 && thread !== native.thread() && native.alive(thread);
      if (isOther) return undefined;
    }
    return Atomics.exchange(header, STATE, DESTROYED);
  });
}
