/** A user's program on Node that is a CommonJS module. */

const { MemPool, MemPoolError } = require("mempool");
const { mapAsText } = require("mempool/inspect");

const pool = MemPool.init(1024, 64);
const block = pool.alloc(50);
pool.free(block);
try {
  pool.free(block);
} catch (error) {
  console.log(error instanceof MemPoolError, error.code);
}
console.log(mapAsText(pool).length > 0, pool.stats().allocatedBlocks);
pool.destroy();
