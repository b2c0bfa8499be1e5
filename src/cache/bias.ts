import { MemPoolError } from "../base/errors.ts";
import type { Native } from "../runtime/native.ts";
import { BIAS_TAG, HAS_BARRIER, REVOKING, SLOT_FREEING } from "../region/layout.ts";
import { slotWord } from "../region/worker_slots.ts";
import type { Region } from "../region/region.ts";

/** Looks at a worker in the middle of a free before this one sleeps: what is left of it are two stores. */
const SPINS = 1000;
/** Milliseconds to sleep then: that worker was put off its processor. */
const SLEEP = 1;

/** For `sleep`: nobody wakes this worker. */
const silence = new Int32Array(new SharedArrayBuffer(4));

/**
 * A worker that is alone in its pool frees blocks by plain stores: without an atomic instruction a pair of alloc and free takes
 * half to two thirds of the time. As in src/cache/block_cache.ts the rare side pays, which here is whoever attaches:
 *
 *     give                                        attach, under the lock
 *     1  FREEING = 1                              A  SOLE_TAG = UNSETTLED
 *     2  SOLE_TAG = this worker's CACHED?         B  barrier: every thread passes a full memory barrier
 *     3  tag = CACHED                             C  wait until FREEING = 0
 *     4  FREEING = 0                              D  SOLE_TAG = 0, and only then have a slot
 *
 * Where 2 finds another value, it goes on by an exchange. So look at a free that found its own. It read that before its thread
 * passed the barrier, for afterwards it reads UNSETTLED. Then C, which comes after the barrier, sees the 1 of step 1 and
 * waits, or it sees step 4, and with it step 3. So once the new worker has a slot, the other one is not between looking at a
 * tag and storing it, nor will it be: it makes itself the only worker in `becomeSole` alone, under the lock and when it is. That
 * each thread's stores and loads become visible in this order, is as it is in src/cache/block_cache.ts.
 *
 * Who dies between A and D leaves UNSETTLED, and the next one begins at A. Where the only worker died between 1 and 4, its
 * block is allocated or cached, and its thread has ended.
 */
export function revokeBias(native: Pick<Native, "alive" | "barrier">, region: Region, timeout: number): void {
  const { header, slots } = region;
  if (header[BIAS_TAG] === 0) return;
  Atomics.store(header, BIAS_TAG, REVOKING);
  if (!native.barrier()) {
    throw new MemPoolError("unsupported", "Cannot attach: the system refused a memory barrier of all threads");
  }
  for (let slot = 0; slot < slots.used; slot++) awaitFree(native, region, slot, timeout);
  header[BIAS_TAG] = 0;
}

/** Notes that the worker with this tag is the only one, if it is. The caller is that worker, and holds the lock. */
export function takeBias({ header, slots }: Region, cachedTag: number): void {
  if (header[BIAS_TAG] === cachedTag || header[HAS_BARRIER] === 0) return;
  if (slots.countWorkers() === 1) header[BIAS_TAG] = cachedTag;
}

/** Waits until the worker of a slot is in the middle of no free, or has ended. */
function awaitFree(native: Pick<Native, "alive">, { header, slots }: Region, slot: number, timeout: number): void {
  const word = slotWord(slot) + SLOT_FREEING;
  const end = performance.now() + timeout;
  for (let looks = 1; Atomics.load(header, word) !== 0 && native.alive(slots.thread(slot)); looks++) {
    if (performance.now() > end) {
      const who = `worker ${slots.worker(slot)} in slot ${slot}`;
      throw new MemPoolError("lock-timeout", `Cannot attach: ${who} did not end a free within ${timeout} ms`);
    }
    if (looks > SPINS) Atomics.wait(silence, 0, 0, SLEEP);
  }
}
