/** A worker of bench/workers.ts. Its first message is the handle of the shared pool; the others are jobs. */

import { MEGABYTE, MemPool, type MemPoolHandle } from "../mod.ts";
import { answer } from "../tests/support/workers.ts";
import {
  handOver,
  handsOf,
  IDLE_HANDS,
  type Job,
  recordHands,
  replaceAtRandom,
  replaceInBursts,
} from "./_workers_load.ts";

let shared: MemPool | undefined;
let own: MemPool | undefined;

answer((message: Job | MemPoolHandle) => {
  if (!("load" in message)) {
    shared = MemPool.attach(message);
    own = MemPool.init(64 * MEGABYTE, 256);
    return;
  }
  const pool = message.shared ? shared! : own!;
  if (message.records !== undefined) return handOver(recordHands(message.records), message);
  if (message.load === "exchange") return handOver(handsOf(pool), message);
  if (message.load === "numbers") return handOver(IDLE_HANDS, message);
  if (message.load === "bursts") return replaceInBursts(pool, message);
  return replaceAtRandom(pool, message.load === "mixed", message);
});
