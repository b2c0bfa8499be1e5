/** Checked pools: every end of an allocation detaches its buffers with all their views, and zeroes its memory. */

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { MemPool } from "mempool";
import { assertZero, CHECKED, Kept } from "./_checked.ts";
import { test } from "../support/harness.ts";
import {
  assertMarked,
  assertOneFreeRun,
  destroyQuietly,
  insideOf,
  makePool,
  mark,
  present,
  warningsOf,
  withPool,
} from "../support/pool.ts";

/** The ways to get a buffer of a given length. */
const SOURCES: Readonly<Record<string, (pool: MemPool, bytes: number) => ArrayBuffer>> = {
  "alloc": (pool, bytes) => present(pool.alloc(bytes)),
  "calloc": (pool, bytes) => present(pool.calloc(bytes, 1)),
  "allocMany": (pool, bytes) => present(pool.allocMany(1, bytes))[0]!,
  "at": (pool, bytes) => pool.at(pool.allocOffset(bytes)),
  "realloc": (pool, bytes) => present(pool.realloc(present(pool.alloc(bytes + 70)), bytes)),
  "transfer": (pool, bytes) => {
    const moved = present(pool.alloc(bytes)).transfer();
    assert(pool.owns(moved));
    return moved;
  },
};

/** Bytes of one block and of three blocks. */
const LENGTHS = [50, 150];

/**
 * Ends the allocation of a buffer. Returns the range that is free afterwards, or nothing if that is all of its blocks.
 */
type End = (pool: MemPool, kept: Kept, offset: number) => readonly [offset: number, byteLength: number] | void;

const blocksOf = (byteLength: number): number => Math.ceil(byteLength / 64) * 64;

/** Allocates the block behind the buffer, so that `realloc` cannot grow in place. */
const wall = (pool: MemPool): number => pool.allocOffset(64);

const ENDS: Readonly<Record<string, End>> = {
  "free of the buffer": (pool, { buffer }) => pool.free(buffer),
  "free of a view": (pool, { buffer }) => pool.free(new Uint8Array(buffer, 8, 3)),
  "free of a DataView": (pool, { buffer }) => pool.free(new DataView(buffer, 1)),
  "freeMany of the buffer": (pool, { buffer }) => pool.freeMany([buffer]),
  "freeMany of a view and of others": (pool, { buffer }) =>
    pool.freeMany([present(pool.alloc(10)), new Uint8Array(buffer), present(pool.alloc(300))]),
  "freeOffset": (pool, _, offset) => pool.freeOffset(offset),
  "free of another buffer over it": (pool, { buffer }, offset) => {
    const moved = buffer.transfer();
    assertStrictEquals(pool.at(offset), pool.at(offset));
    assert(pool.owns(moved));
    pool.free(pool.at(offset));
    assert(moved.detached);
  },
  "realloc that moves": (pool, { buffer }) => {
    wall(pool);
    const { byteLength } = buffer;
    const moved = present(pool.realloc(buffer, byteLength + 200));
    assertMarked(moved, 1, byteLength);
  },
  "realloc of a view, that moves": (pool, { buffer }) => {
    wall(pool);
    const { byteLength } = buffer;
    assertMarked(present(pool.realloc(new Uint8Array(buffer, 4), byteLength + 200)), 1, byteLength);
  },
  "reallocOffset that moves": (pool, { buffer: { byteLength } }, offset) => {
    wall(pool);
    const moved = pool.reallocOffset(offset, byteLength + 200);
    assert(moved !== offset);
    assertMarked(pool.at(moved), 1, byteLength);
  },
  "realloc that grows in place": (pool, { buffer }, offset) => {
    const { byteLength } = buffer;
    const longer = present(pool.realloc(buffer, byteLength + 200));
    assertEquals(pool.offsetOf(longer), offset);
    assertMarked(longer, 1, byteLength);
    return [0, 0];
  },
  "realloc to fewer bytes in as many blocks": (pool, { buffer }, offset) => {
    const shorter = present(pool.realloc(buffer, buffer.byteLength - 5));
    assertEquals(pool.offsetOf(shorter), offset);
    assertMarked(shorter, 1);
    return [0, 0];
  },
  "realloc to one byte": (pool, { buffer }, offset) => {
    const { byteLength } = buffer;
    assertMarked(present(pool.realloc(buffer, 1)), 1);
    return [offset + 64, blocksOf(byteLength) - 64];
  },
  "reallocOffset to one byte": (pool, { buffer: { byteLength } }, offset) => {
    assertEquals(pool.reallocOffset(offset, 1), offset);
    return [offset + 64, blocksOf(byteLength) - 64];
  },
};

for (const [end, act] of Object.entries(ENDS)) {
  for (const [source, make] of Object.entries(SOURCES)) {
    test(`checked - ${end} detaches a buffer from ${source} with its views, and zeroes the free blocks`, () => {
      for (const bytes of LENGTHS) {
        withPool((pool) => {
          const kept = new Kept(make(pool, bytes));
          const offset = pool.offsetOf(kept.buffer);
          mark(kept.buffer, 1);
          const [from, length] = act(pool, kept, offset) ?? [offset, blocksOf(bytes)];
          kept.assertDetached();
          assertZero(pool, from, length);
        }, CHECKED)();
      }
    });
  }
}

test("checked - realloc that slides down detaches the old buffer, keeps the contents and zeroes the rest", () => {
  for (const [length, end] of [[5, 5], [4, 4]] as const) {
    using pool = makePool({ ...CHECKED, blocks: 8 });
    const [before, block, behind] = [2, 3, 3].map((blocks) => present(pool.alloc(64 * blocks)));
    const kept = new Kept(block!);
    mark(block!, 3);
    pool.free(before!);
    mark(behind!, 4);
    const slid = present(pool.realloc(block!, 64 * length));
    assertEquals(pool.offsetOf(slid), 0);
    kept.assertDetached();
    assertMarked(slid, 3, 3 * 64);
    assertMarked(behind!, 4);
    assertZero(pool, 64 * end, 64 * (5 - end));
    pool.freeMany([slid, behind!]);
    assertOneFreeRun(pool);
  }
});

test(
  "checked - realloc that returns null leaves the buffer attached, valid and unchanged",
  withPool((pool) => {
    const [first, block] = [present(pool.alloc(64)), present(pool.alloc(100))];
    const kept = new Kept(block);
    mark(block, 5);
    pool.free(first);
    const others = present(pool.alloc(61 * 64));
    for (const bytes of [4 * 64, 1000, 64 * 64, 10 ** 9]) assertEquals(pool.realloc(block, bytes), null);
    assertEquals(pool.reallocOffset(64, 1000), -1);
    kept.assertAttached(100);
    assertMarked(block, 5);
    assert(pool.owns(block));
    pool.freeMany([others, block]);
    assertOneFreeRun(pool);
  }, CHECKED),
);

for (const cachedBuffers of [0, 1, 2 ** 17]) {
  test(
    `checked - realloc to the same length and at return the same buffer if cachedBuffers is ${cachedBuffers}`,
    withPool((pool) => {
      const blocks = [50, 150].map((bytes) => new Kept(present(pool.alloc(bytes))));
      for (const { buffer } of [...blocks, ...blocks]) {
        assertStrictEquals(pool.realloc(buffer, buffer.byteLength), buffer);
        assertStrictEquals(pool.realloc(new Uint8Array(buffer), buffer.byteLength), buffer);
        assertStrictEquals(pool.at(pool.offsetOf(buffer)), buffer);
      }
      blocks[0]!.assertAttached(50);
      blocks[1]!.assertAttached(150);
    }, { ...CHECKED, cachedBuffers }),
  );
}

test(
  "checked - freeOffset detaches every buffer over the block, also those that transfer and at made",
  withPool((pool) => {
    const block = present(pool.alloc(100));
    const kept = [block.transfer(), pool.at(0)].map((buffer) => {
      assert(pool.owns(buffer));
      return new Kept(buffer);
    });
    assert(kept[0]!.buffer !== kept[1]!.buffer);
    pool.freeOffset(0);
    for (const each of kept) each.assertDetached();
    assertOneFreeRun(pool);
  }, CHECKED),
);

test(
  "checked - a block that is allocated again has a new buffer, and only the old buffer is detached",
  withPool((pool) => {
    const stale = new Kept(present(pool.alloc(50)));
    pool.free(stale.buffer);
    const block = new Kept(present(pool.alloc(50)));
    assert(block.buffer !== stale.buffer);
    stale.assertDetached();
    block.assertAttached(50);
  }, CHECKED),
);

test(
  "checked - alloc returns zeroed memory where blocks were freed",
  withPool((pool) => {
    for (let round = 0; round < 3; round++) {
      const blocks = present(pool.allocMany(10, 300));
      for (const block of blocks) {
        assert(new Uint8Array(block).every((byte) => byte === 0));
        mark(block, round);
      }
      pool.freeMany(blocks);
    }
  }, CHECKED),
);

/** The ways to destroy a pool. */
const DESTRUCTIONS: Readonly<Record<string, (pool: MemPool) => void>> = {
  "destroy": (pool) => pool.destroy(),
  "disposal": (pool) => pool[Symbol.dispose](),
  "the end of its scope": (pool) => {
    using _inner = pool;
  },
  "destroy through another object": (pool) => MemPool.attach(pool.handle).destroy(),
};

for (const [end, act] of Object.entries(DESTRUCTIONS)) {
  test(`checked - ${end} detaches every buffer, and pool.buffer too`, () => {
    const pool = makePool(CHECKED);
    const kept = Object.values(SOURCES).flatMap((make) => LENGTHS.map((bytes) => new Kept(make(pool, bytes))));
    kept.push(new Kept(pool.buffer));
    warningsOf(() => act(pool));
    for (const each of kept) each.assertDetached();
    assertEquals([pool.destroyed, pool.buffer.byteLength], [true, 0]);
  });
}

test("checked - close leaves buffers attached, and the worker can attach again and free them", () => {
  const pool = makePool(CHECKED);
  const { handle } = pool;
  const kept = LENGTHS.map((bytes) => new Kept(present(pool.alloc(bytes))));
  kept.forEach(({ buffer }) => mark(buffer, 1));
  pool.close();
  LENGTHS.forEach((bytes, place) => kept[place]!.assertAttached(bytes));
  using again = MemPool.attach(handle);
  again.free(kept[0]!.buffer);
  again.freeOffset(64);
  assertOneFreeRun(again);
  kept[0]!.assertDetached();
  destroyQuietly(again);
});

test(
  "checked - free and destroy detach a buffer with overridden properties, and run none of its code",
  withPool((pool) => {
    const [lying, freed] = [present(pool.alloc(50)), present(pool.alloc(50))];
    const kept = [new Kept(lying), new Kept(freed)];
    const fail = (): never => {
      throw new Error("the caller's code ran");
    };
    for (const name of ["byteLength", "detached", "transfer", "constructor", "slice"]) {
      for (const buffer of [lying, freed]) Object.defineProperty(buffer, name, { get: fail, configurable: true });
    }
    pool.free(freed);
    pool.destroy();
    for (const buffer of [lying, freed]) {
      for (const name of ["byteLength", "detached", "transfer"]) {
        delete (buffer as unknown as Record<string, unknown>)[name];
      }
    }
    for (const each of kept) each.assertDetached();
  }, CHECKED),
);

test(
  "checked - stats count as in an unchecked pool, and no block is cached",
  withPool((pool) => {
    const block = present(pool.alloc(100));
    const moved = present(pool.realloc(block, 1000));
    pool.realloc(moved, 10);
    pool.freeMany(present(pool.allocMany(3, 100)));
    pool.freeOffset(pool.allocOffset(1));
    const { allocs, frees, allocatedBlocks, cachedBlocks, requestedBytes, workers } = pool.stats();
    assertEquals({ allocs, frees, allocatedBlocks, cachedBlocks, requestedBytes, workers }, {
      allocs: 5,
      frees: 4,
      allocatedBlocks: 1,
      cachedBlocks: 0,
      requestedBytes: 10,
      workers: 1,
    });
    assertEquals(insideOf(pool).tracker !== undefined, true);
  }, { ...CHECKED, cachedBlocks: 64 }),
);
