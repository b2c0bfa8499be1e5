/**
 * Blocks in other contexts of one thread, as test runners such as Jest make them: there, the global constructors are
 * others, and `instanceof ArrayBuffer` is false for a block.
 */

import { assertEquals, assertThrows } from "@std/assert";
import { MemPool, MemPoolError } from "mempool";
import { createContext, runInContext } from "node:vm";
import { test } from "../support/harness.ts";
import { assertOneFreeRun, makePool, withPool } from "../support/pool.ts";

/** Runs code in a new context that has `pool` as a global, and returns its last value. */
function runElsewhere(pool: MemPool, code: string): unknown {
  return runInContext(code, createContext({ pool }));
}

test(
  "contexts - code in another context allocates, resizes, names and frees blocks and views on them",
  withPool((pool) => {
    const seen = runElsewhere(
      pool,
      `
      const block = pool.alloc(50);
      const bytes = new Uint8Array(block).fill(7);
      const isOurs = block instanceof ArrayBuffer;
      const offset = pool.offsetOf(bytes);
      const longer = pool.realloc(bytes, 100);
      const kept = new Uint8Array(longer)[49];
      const others = pool.allocMany(2, 10);
      const length = longer.byteLength;
      pool.freeMany([new DataView(others[0]), others[1]]);
      pool.free(new Float32Array(longer, 0, 3));
      [isOurs, offset, length, kept, pool.owns(longer)].join();
      `,
    );
    assertEquals(seen, "false,0,100,7,false");
    assertOneFreeRun(pool);
  }),
);

test(
  "contexts - a buffer of another context is a foreign block, whatever its constructor",
  withPool((pool) => {
    for (const code of ["new ArrayBuffer(64)", "new Uint8Array(64)", "new DataView(new ArrayBuffer(64))"]) {
      const buffer = runElsewhere(pool, code) as ArrayBuffer;
      assertEquals(pool.owns(buffer), false);
      assertEquals(assertThrows(() => pool.free(buffer), MemPoolError).code, "foreign-block");
    }
  }),
);

test("contexts - a block that another context moved is known by its memory", () => {
  using pool = makePool();
  const block = pool.alloc(40)!;
  const context = createContext({ block });
  const moved = runInContext("block.transfer()", context) as ArrayBuffer;
  assertEquals(pool.offsetOf(moved), 0);
  pool.free(moved);
  assertOneFreeRun(pool);
});

test("contexts - errors are those of the context of the library", () => {
  using pool = makePool();
  const thrown = runElsewhere(pool, "try { pool.alloc('1'); } catch (error) { error; }");
  assertEquals([thrown instanceof TypeError, (thrown as Error).name], [true, "TypeError"]);
});
