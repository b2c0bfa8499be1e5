/** A worker of endings_test.ts: uses the pool until it is terminated. Deno terminates it only where it pauses. */

import { setTimeout as sleep } from "node:timers/promises";
import { MemPool, type MemPoolHandle } from "mempool";
import { openNative } from "../../src/runtime/open.ts";
import { answer } from "../support/workers.ts";
import { step } from "./_endings_steps.ts";

/** Steps between two pauses. */
const STEPS = 50;

answer((handle: MemPoolHandle) => {
  void useUntilTheEnd(MemPool.attach(handle));
  return openNative().thread();
});

async function useUntilTheEnd(pool: MemPool): Promise<never> {
  for (let number = 0;; number++) {
    step(pool, number);
    if (number % STEPS === 0) await sleep(0);
  }
}
