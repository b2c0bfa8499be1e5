/**
 * A call that throws leaves no block that its caller cannot reach, and a failed `realloc` leaves the old block unchanged.
 * These tests produce two causes: the runtime refuses to make a buffer, and the stack is full.
 */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type Block, MemPool, MemPoolError, type MemPoolOptions } from "mempool";
import { effort } from "../support/effort.ts";
import { test } from "../support/harness.ts";
import { insideOf, present } from "../support/pool.ts";

const BLOCK = 64;
const KINDS: Readonly<Record<string, MemPoolOptions>> = {
  "with worker caches": {},
  "without worker caches": { cachedBlocks: 0 },
  "that is checked": { checked: true },
};

/** Makes the runtime refuse every new buffer of a pool while `act` runs. */
function refusingBuffers<T>(pool: MemPool, act: () => T): T {
  const { buffers } = insideOf(pool);
  const refuse = (): never => {
    throw new RangeError("no buffer on purpose");
  };
  for (const method of ["over", "make"]) Object.defineProperty(buffers, method, { value: refuse, configurable: true });
  try {
    return act();
  } finally {
    for (const method of ["over", "make"]) Reflect.deleteProperty(buffers, method);
  }
}

function bytesOf(block: ArrayBuffer): number[] {
  return [...new Uint8Array(block)];
}

const ALLOCATING: Readonly<Record<string, (pool: MemPool) => unknown>> = {
  "alloc of a block": (pool) => pool.alloc(50),
  "alloc of a run": (pool) => pool.alloc(5 * BLOCK),
  "calloc": (pool) => pool.calloc(5, 10),
  "allocMany": (pool) => pool.allocMany(10, 50),
  "allocArray": (pool) => pool.allocArray(Float64Array, 6),
  "lease": (pool) => pool.lease(50),
};

for (const [kind, options] of Object.entries(KINDS)) {
  for (const [name, call] of Object.entries(ALLOCATING)) {
    test(`failed calls - ${name} without a buffer keeps no block, in a pool ${kind}`, () => {
      using pool = MemPool.init(200 * BLOCK, BLOCK, options);
      const held = present(pool.alloc(50));
      for (let time = 0; time < 5; time++) {
        refusingBuffers(pool, () => assertThrows(() => call(pool), RangeError, "no buffer on purpose"));
      }
      assertEquals(pool.stats().allocatedBlocks, 1);
      pool.check();
      pool.free(held);
      assertEquals(pool.alloc(200 * BLOCK)?.byteLength, 200 * BLOCK);
    });
  }

  test(`failed calls - allocAsync without a buffer keeps no block, at once and after waiting, in a pool ${kind}`, async () => {
    using pool = MemPool.init(20 * BLOCK, BLOCK, options);
    await refusingBuffers(pool, () => assertRejects(() => pool.allocAsync(50), RangeError, "no buffer on purpose"));
    assertEquals(pool.stats().allocatedBlocks, 0);
    const all = present(pool.alloc(20 * BLOCK));
    const { buffers } = insideOf(pool);
    const waiting = pool.allocAsync(50);
    const refuse = (): never => {
      throw new RangeError("no buffer on purpose");
    };
    Object.defineProperty(buffers, "over", { value: refuse, configurable: true });
    pool.free(all);
    await assertRejects(() => waiting, RangeError, "no buffer on purpose");
    Reflect.deleteProperty(buffers, "over");
    assertEquals(pool.stats().allocatedBlocks, 0);
    pool.check();
  });

  for (
    const [name, before, after, blockade] of [
      ["within a block", 20, 50, false],
      ["that grows in place", 50, 3 * BLOCK, false],
      ["that moves", 50, 3 * BLOCK, true],
      ["that shrinks", 3 * BLOCK, 50, true],
    ] as const
  ) {
    test(`failed calls - realloc ${name} without a buffer leaves the old block as it was, in a pool ${kind}`, () => {
      using pool = MemPool.init(200 * BLOCK, BLOCK, options);
      const block = present(pool.alloc(before));
      if (blockade) present(pool.alloc(BLOCK));
      new Uint8Array(block).forEach((_, place, bytes) => bytes[place] = place);
      const [offset, contents, { allocatedBlocks }] = [pool.offsetOf(block), bytesOf(block), pool.stats()];
      for (let time = 0; time < 5; time++) {
        refusingBuffers(pool, () => assertThrows(() => pool.realloc(block, after), RangeError, "no buffer on purpose"));
      }
      assertEquals([pool.owns(block), pool.offsetOf(block)], [true, offset]);
      assertEquals(bytesOf(block), contents);
      assertEquals([pool.at(offset).byteLength, pool.stats().allocatedBlocks], [before, allocatedBlocks]);
      pool.check();
      assertEquals(present(pool.realloc(block, after)).byteLength, after);
    });
  }
}

/**
 * Calls `act` at many depths near the end of the stack, from the last frame that fits. Returns how many calls succeeded,
 * and how often the stack was full. A call may need no frame of its own there, because the compiler has inlined it.
 */
function nearFullStack(times: number, act: () => void): { done: number; full: number } {
  const counts = { done: 0, full: 0 };
  const down = (): void => {
    try {
      down();
    } catch {
      counts.full++; // below this frame
    }
    if (--left < 0 || left % 3 !== 0) return;
    try {
      act();
      counts.done++;
    } catch {
      counts.full++;
    }
  };
  // Frames of another size, so that each round meets other depths.
  const pad = (more: number): void => more === 0 ? down() : pad(more - 1);
  let left = 0;
  for (let round = 0; round < times; round++) {
    left = 900;
    try {
      pad(round);
    } catch {
      // The first frames may be too many already.
    }
  }
  return counts;
}

/** A round makes up to 300 calls. */
const ROUNDS = effort(6, 100);

/** More blocks than all calls of a test allocate, so that the pool is never exhausted. */
const BLOCKS = effort(10_000, 100_000);

/** The number of allocations that a test prepares for calls that free. */
const MANY = effort(1800, 24_000);

/** A call, the number of blocks that it allocates (negative if it frees them), and the blocks that it is given. */
interface FullStackCase {
  readonly blocks: number;
  prepare(pool: MemPool): Block[][];
  call(pool: MemPool, held: Block[][]): unknown;
}

const nothing = (): Block[][] => [];
const groups = (count: number, size: number, bytes: number) => (pool: MemPool): Block[][] =>
  Array.from({ length: count }, () => present(pool.allocMany(size, bytes)));

const FULL: Readonly<Record<string, FullStackCase>> = {
  "alloc": { blocks: 1, prepare: nothing, call: (pool) => pool.alloc(50) },
  "alloc of a run": { blocks: 3, prepare: nothing, call: (pool) => pool.alloc(150) },
  "calloc": { blocks: 1, prepare: nothing, call: (pool) => pool.calloc(5, 10) },
  "allocOffset": { blocks: 1, prepare: nothing, call: (pool) => pool.allocOffset(50) },
  "callocOffset": { blocks: 3, prepare: nothing, call: (pool) => pool.callocOffset(15, 10) },
  "allocMany": { blocks: 3, prepare: nothing, call: (pool) => pool.allocMany(3, 50) },
  "allocArray": { blocks: 1, prepare: nothing, call: (pool) => pool.allocArray(Uint8Array, 50) },
  "lease": { blocks: 1, prepare: nothing, call: (pool) => pool.lease(50) },
  "free": {
    blocks: -1,
    prepare: groups(MANY, 1, 50),
    call: (pool, held) => freeLast(held, (last) => pool.free(last[0]!)),
  },
  "free of a run": {
    blocks: -3,
    prepare: groups(MANY, 1, 150),
    call: (pool, held) => freeLast(held, (last) => pool.free(last[0]!)),
  },
  "freeMany": {
    blocks: -4,
    prepare: groups(MANY, 4, 50),
    call: (pool, held) => freeLast(held, (last) => pool.freeMany(last)),
  },
};

function freeLast(held: Block[][], free: (last: Block[]) => void): void {
  free(held[held.length - 1]!);
  held.length--;
}

for (const [kind, options] of Object.entries(KINDS)) {
  for (const [name, { blocks, prepare, call }] of Object.entries(FULL)) {
    test(`failed calls - ${name} near a full stack does all or nothing, in a pool ${kind}`, () => {
      using pool = MemPool.init(BLOCKS * BLOCK, BLOCK, { ...options, onMisuse: "throw" });
      const held = prepare(pool);
      const before = pool.stats().allocatedBlocks;
      const { done, full } = nearFullStack(ROUNDS, () => {
        call(pool, held);
      });
      assert(done > 0 && full > 0, `${done} calls succeeded, the stack was full ${full} times`);
      assertEquals(pool.stats().allocatedBlocks - before, done * blocks);
      pool.check();
      pool.destroy();
    });
  }

  for (const longest of [60, 3000]) {
    test(`failed calls - realloc up to ${longest} bytes near a full stack loses nothing, in a pool ${kind}`, () => {
      using pool = MemPool.init(200 * BLOCK, BLOCK, options);
      let block = present(pool.alloc(50));
      new Uint8Array(block).fill(7);
      const step = longest < BLOCK ? 3 : 57;
      const { done, full } = nearFullStack(ROUNDS, () => {
        block = present(pool.realloc(block, block.byteLength > longest ? 50 : block.byteLength + step));
      });
      assert(done > 0 && full > 0, `${done} calls succeeded, the stack was full ${full} times`);
      assertEquals(new Uint8Array(block).slice(0, 50).every((byte) => byte === 7), true);
      assertEquals(pool.at(pool.offsetOf(block)).byteLength, block.byteLength);
      assertEquals(pool.stats().allocatedBlocks, Math.ceil(block.byteLength / BLOCK));
      pool.check();
      pool.free(block);
    });
  }
}

/** Lets a critical section end like one at the end of the stack, where no call is possible: the lock stays taken. */
function keepingTheLock<T>(pool: MemPool, act: () => T): T {
  const { lock } = insideOf(pool);
  const overflow = (): never => {
    throw new RangeError("full stack on purpose");
  };
  for (const method of ["leave", "unlock"]) {
    Object.defineProperty(lock, method, { value: overflow, configurable: true });
  }
  try {
    return act();
  } finally {
    for (const method of ["leave", "unlock"]) Reflect.deleteProperty(lock, method);
  }
}

for (const [kind, options] of Object.entries(KINDS)) {
  test(`failed calls - free is complete although the lock cannot be released, in a pool ${kind}`, () => {
    using pool = MemPool.init(100 * BLOCK, BLOCK, options);
    const [kept, freed, many] = [3, 4, 5].map((blocks) => present(pool.alloc(blocks * BLOCK)));
    keepingTheLock(pool, () => pool.free(freed!));
    assertThrows(() => pool.free(freed!), MemPoolError);
    assertEquals(pool.stats().allocatedBlocks, 8);
    keepingTheLock(pool, () => pool.freeMany([many!]));
    assertEquals(pool.stats().allocatedBlocks, 3);
    keepingTheLock(pool, () => assertThrows(() => pool.free(freed!)));
    pool.check();
    pool.free(kept!);
    assertEquals(pool.stats().allocatedBlocks, 0);
  });
}
