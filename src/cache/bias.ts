import { MemPoolError } from "../base/errors.ts";
import { WaitTime } from "../base/waiting.ts";
import { BIAS_TAG, HAS_BARRIER, REVOKING, SLOT_FREEING } from "../region/layout.ts";
import type { Region } from "../region/region.ts";
import { slotWord } from "../region/worker_slots.ts";
import type { Native } from "../runtime/native.ts";

/** How often a joining worker looks at a worker that is freeing before it sleeps. That free has two stores to go. */
const SPINS = 1000;
/** Milliseconds to sleep then: that worker has been taken off its processor. */
const SLEEP = 1;

/** The word on which a joining worker sleeps. No worker ever notifies it. */
const sleepWord = new Int32Array(new SharedArrayBuffer(4));

/**
 * Biased frees: a worker that is alone in its pool frees blocks by plain stores. Without an atomic instruction, a pair
 * of alloc and free takes half to two thirds of the time. As in src/cache/block_cache.ts, the rare side bears the cost:
 * here it is the worker that attaches and revokes the bias. The steps have the names that docs/design.md gives them:
 *
 *     give, by the biased worker                  attach, under the lock
 *     G0  is the tag ALLOCATED?                   A1  BIAS_TAG = REVOKING
 *     G1  FREEING = 1                             A2  barrier: every thread passes a full memory barrier
 *     G2  is BIAS_TAG my CACHED tag?              A3  wait until FREEING = 0
 *     G3  tag = CACHED                            A4  BIAS_TAG = 0, and only then take a slot
 *     G4  FREEING = 0
 *
 * If G2 finds another value, `give` goes on with an exchange of the tag, which is safe with any number of workers. So
 * consider a `give` whose G2 found its own tag:
 *
 * 1. G2 read that before its thread passed the barrier of A2, because afterwards it reads REVOKING. So G1 precedes the
 *    barrier too.
 * 2. A3 comes after the barrier. So A3 sees the 1 of G1 and waits, or it sees G4, and with it G3.
 * 3. So once the new worker has a slot, the biased worker is not between looking at a tag and storing it.
 * 4. It never will be again: a worker sets BIAS_TAG only in `takeBias`, under the lock, when it is the only worker.
 * 5. Until A4 no other worker has a slot, so no other worker can free the block between G0 and G3.
 *
 * That each thread's stores and loads become visible in this order is argued in src/cache/block_cache.ts.
 *
 * If the joining worker dies between A1 and A4, REVOKING stays, and the next joining worker starts at A1. If the biased
 * worker dies between G1 and G4, its block is allocated or cached, and A3 sees that its thread has ended.
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

/** Biases the pool towards the calling worker if it is the only one. The caller holds the lock. */
export function takeBias({ header, slots }: Region, cachedTag: number): void {
  if (header[BIAS_TAG] === cachedTag || header[HAS_BARRIER] === 0) return;
  if (slots.countWorkers() === 1) header[BIAS_TAG] = cachedTag;
}

/** Waits until the worker of a slot is not in the middle of a free, or has ended. */
function awaitFree(native: Pick<Native, "alive">, { header, slots }: Region, slot: number, timeout: number): void {
  const word = slotWord(slot) + SLOT_FREEING;
  const wait = new WaitTime(timeout);
  for (let looks = 1; Atomics.load(header, word) !== 0 && native.alive(slots.thread(slot)); looks++) {
    if (!wait.goesOn()) {
      const who = `worker ${slots.worker(slot)} in slot ${slot}`;
      throw new MemPoolError("lock-timeout", `Cannot attach: ${who} did not end a free within ${timeout} ms`);
    }
    if (looks > SPINS) Atomics.wait(sleepWord, 0, 0, SLEEP);
  }
}
