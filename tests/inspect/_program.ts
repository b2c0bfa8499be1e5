/** A user's program that serves the page of its pool, and has nothing left to do after its input ends. */

import { MemPool } from "mempool";
import { servePage } from "mempool/inspect";
import process from "node:process";

const pool = MemPool.init(4096, 64);
pool.alloc(100);
const page = await servePage(pool);
console.log(page.url);
process.stdin.resume();
