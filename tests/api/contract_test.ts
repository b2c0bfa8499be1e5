/** The public surface that users' code is written against: names, types and the form of errors. */

import { assert, assertEquals } from "@std/assert";
import * as mempool from "mempool";
import { MemPool, MemPoolError } from "mempool";
import { test } from "../support/harness.ts";
import { present, withPool } from "../support/pool.ts";

test("contract - mod.ts exports the documented functions, classes and constants", () => {
  const expected = {
    KILOBYTE: "number",
    MEGABYTE: "number",
    GIGABYTE: "number",
    MemPool: "function",
    MemPoolError: "function",
    init: "function",
    attach: "function",
    alloc: "function",
    calloc: "function",
    realloc: "function",
    free: "function",
    destroy: "function",
  };
  for (const [name, kind] of Object.entries(expected)) {
    assertEquals<string>(typeof mempool[name as keyof typeof mempool], kind, name);
  }
});

test("contract - the properties of a pool are read-only", () =>
  withPool((pool) => {
    for (const name of ["size", "blockSize", "blockCount", "destroyed", "handle", "buffer"] as const) {
      const before = pool[name];
      let refused = false;
      try {
        Object.assign(pool, { [name]: 1 });
      } catch (error) {
        refused = error instanceof TypeError;
      }
      assert(refused, name);
      assertEquals(pool[name], before);
    }
  })());

test("contract - stats returns exactly the documented counters", () =>
  withPool((pool) => {
    present(pool.alloc(1));
    const stats = pool.stats();
    assertEquals(Object.keys(stats).sort(), [
      "allocatedBlocks",
      "allocs",
      "blockCount",
      "blockSize",
      "cachedBlocks",
      "coalesced",
      "exhausted",
      "fragmentation",
      "freeBlocks",
      "frees",
      "grown",
      "largestFreeRun",
      "lockAcquisitions",
      "lockContended",
      "ownerDeaths",
      "peakAllocatedBlocks",
      "requestedBytes",
      "size",
      "workers",
    ]);
    assert(Object.values(stats).every((value) => typeof value === "number" && value >= 0));
  })());

test("contract - MemPoolError is an Error with a name and a code", () => {
  const cause = new Error("why");
  const error = new MemPoolError("corrupt", "Cannot do it", { cause });
  assert(error instanceof Error);
  assertEquals([error.name, error.code, error.message, error.cause], [
    "MemPoolError",
    "corrupt",
    "Cannot do it",
    cause,
  ]);
  assertEquals(String(error), "MemPoolError: Cannot do it");
});

test("contract - a pool is disposable and has the documented methods", () => {
  const methods = [
    "alloc",
    "calloc",
    "realloc",
    "free",
    "destroy",
    "close",
    "owns",
    "offsetOf",
    "at",
    "allocOffset",
    "callocOffset",
    "reallocOffset",
    "freeOffset",
    "allocMany",
    "freeMany",
    "allocArray",
    "lease",
    "stats",
    "blocks",
    "check",
    Symbol.dispose,
  ] as const;
  for (const method of methods) assertEquals(typeof MemPool.prototype[method], "function", String(method));
});
