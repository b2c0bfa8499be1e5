import { parentPort } from "node:worker_threads";
import { MemPool, type MemPoolHandle } from "../../mod.ts";
import { put, take } from "./ring.ts";

const END = -1;

parentPort!.on("message", ([role, ring, handle]: [string, Int32Array, MemPoolHandle]) => {
  using pool = MemPool.attach(handle); // leaves the pool at the end of the function
  const numbers = new Float64Array(pool.buffer);
  let sum = 0;
  if (role === "produce") {
    for (let number = 1; number <= 100_000; sum += number++) {
      const offset = pool.allocOffset(8);
      if (offset < 0) throw new Error("The pool is exhausted");
      numbers[offset / 8] = number;
      put(ring, offset / pool.blockSize); // from here on the block belongs to the consumer
    }
    put(ring, END);
  } else {
    for (let block = take(ring); block !== END; block = take(ring)) {
      const offset = block * pool.blockSize;
      sum += numbers[offset / 8]!;
      pool.freeOffset(offset);
    }
  }
  parentPort!.postMessage(sum);
});
