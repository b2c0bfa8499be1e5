/**
 * alloc(200) and free in a pool of 256-byte blocks, against the alternatives: the C library's malloc, in C and through
 * FFI, and JavaScript's own ways to allocate bytes. The garbage collector makes these pay later, which p99 shows.
 *
 * LIFO frees each block at once. FIFO and random replace the oldest or a random one of 1,000 live blocks; the C side
 * does this with the same loop. An operation is the same on all sides: allocate 200 or 256 bytes, store the result,
 * free it.
 *
 * If the pool is a constant of a module or a closure, as here and in most programs, the engines treat all its parts as
 * constants. The rows with "no constant" measure the loss if it is not, because many objects have pools of their own.
 */

import { Buffer } from "node:buffer";
import { MEGABYTE, MemPool, MemPoolError } from "../mod.ts";
import { type Floor, loadFloor } from "./_floor.ts";
import { compare, type Contender, keep, ratioOf, rowOf, type Series, seriesNamed } from "./_measure.ts";
import type { GroupResult, Settings, Table } from "./_types.ts";

const BYTES = 200;
const BLOCK = 256;
const LIVE = 1000;
const OPERATIONS = 4000;

export async function run(settings: Settings): Promise<GroupResult> {
  using pool = MemPool.init(64 * MEGABYTE, BLOCK);
  using other = MemPool.init(64 * MEGABYTE, BLOCK);
  const floor = loadFloor();
  const series = await compare(
    [...lifo(pool, floor), ...owned([pool, other]), ...controls(floor), ...floors(floor)],
    settings,
  );
  const orders = ["FIFO", "random"] as const;
  const replacing: Series[][] = [];
  for (const order of orders) replacing.push(await compare(replacements(pool, floor, order), settings));
  proveDoubleFree(pool);

  const ratio = (one: string, other: string): number => ratioOf(seriesNamed(series, one), seriesNamed(series, other));
  return {
    tables: [
      tableOf("alloc(200) + free of one block, LIFO", series, NATIVE),
      ...replacing.map((each, at) => tableOf(`Replacing one of 1,000 live blocks, ${orders[at]}`, each, NATIVE)),
    ],
    measured: {
      "pairs.buffer.native": ratio(BUFFER_TIER, NATIVE),
      "pairs.offset.native": ratio(OFFSET_TIER, NATIVE),
      "pairs.buffer.uint8array": ratio("new Uint8Array(256)", BUFFER_TIER),
      "pairs.buffer.arraybuffer": ratio("new ArrayBuffer(256)", BUFFER_TIER),
    },
  };
}

const BUFFER_TIER = "pool, ArrayBuffer tier";
const OFFSET_TIER = "pool, offset tier";
const NATIVE = "malloc + free in C";

function tableOf(title: string, series: readonly Series[], control: string): Table {
  return { title, rows: series.map((each) => rowOf(each, series, control)) };
}

function contender(name: string, run: () => void): Contender {
  return { name, operations: OPERATIONS, run };
}

function lifo(pool: MemPool, floor: Floor): Contender[] {
  return [
    contender(NATIVE, () => floor.pairs(BYTES, OPERATIONS)),
    contender(BUFFER_TIER, () => {
      for (let i = 0; i < OPERATIONS; i++) {
        const block = pool.alloc(BYTES)!;
        keep.value = block;
        pool.free(block);
      }
    }),
    contender(OFFSET_TIER, () => {
      for (let i = 0; i < OPERATIONS; i++) pool.freeOffset(pool.allocOffset(BYTES));
    }),
  ];
}

/** An object with a pool of its own. There are two, so that the compilers cannot treat the pool as a constant. */
class Owner {
  readonly #pool: MemPool;

  constructor(pool: MemPool) {
    this.#pool = pool;
  }

  makePairs(): void {
    for (let i = 0; i < OPERATIONS; i++) {
      const block = this.#pool.alloc(BYTES)!;
      keep.value = block;
      this.#pool.free(block);
    }
  }

  makeOffsetPairs(): void {
    for (let i = 0; i < OPERATIONS; i++) this.#pool.freeOffset(this.#pool.allocOffset(BYTES));
  }
}

function owned(pools: readonly MemPool[]): Contender[] {
  const owners = pools.map((pool) => new Owner(pool));
  let turn = 0;
  const next = (): Owner => owners[turn++ % owners.length]!;
  return [
    contender(`${BUFFER_TIER}, no constant`, () => next().makePairs()),
    contender(`${OFFSET_TIER}, no constant`, () => next().makeOffsetPairs()),
  ];
}

function controls(floor: Floor): Contender[] {
  return [
    contender("malloc + free through FFI", () => {
      for (let i = 0; i < OPERATIONS; i++) floor.free(floor.malloc(BYTES));
    }),
    contender("new ArrayBuffer(256)", () => {
      for (let i = 0; i < OPERATIONS; i++) keep.value = new ArrayBuffer(BLOCK);
    }),
    contender("new Uint8Array(256)", () => {
      for (let i = 0; i < OPERATIONS; i++) keep.value = new Uint8Array(BLOCK);
    }),
    contender("Buffer.allocUnsafe(256)", () => {
      for (let i = 0; i < OPERATIONS; i++) keep.value = Buffer.allocUnsafe(BLOCK);
    }),
  ];
}

/** Lower bounds for TypeScript code that uses these operations. */
function floors(floor: Floor): Contender[] {
  const words = new Int32Array(new SharedArrayBuffer(64));
  return [
    contender("an FFI call that does nothing", () => {
      for (let i = 0; i < OPERATIONS; i++) floor.nothing();
    }),
    contender("one Atomics.compareExchange", () => {
      for (let i = 0; i < OPERATIONS; i++) Atomics.compareExchange(words, 0, i, i + 1);
    }),
  ];
}

function replacements(pool: MemPool, floor: Floor, order: "FIFO" | "random"): Contender[] {
  const native = {
    before: () => floor.fill(0, LIVE, BYTES),
    after: () => floor.empty(0),
  };
  const blocks: ArrayBuffer[] = [];
  const buffers = {
    before: () => blocks.push(...pool.allocMany(LIVE, BYTES)!),
    after: () => pool.freeMany(blocks.splice(0)),
  };
  const offsets: number[] = [];
  const numbers = {
    before: () => {
      for (let i = 0; i < LIVE; i++) offsets.push(pool.allocOffset(BYTES));
    },
    after: () => {
      for (const offset of offsets.splice(0)) pool.freeOffset(offset);
    },
  };
  if (order === "FIFO") {
    return [
      { ...contender(NATIVE, () => floor.replaceOldest(0, OPERATIONS)), ...native },
      { ...contender(BUFFER_TIER, () => replaceOldestBuffers(pool, blocks)), ...buffers },
      { ...contender(OFFSET_TIER, () => replaceOldestOffsets(pool, offsets)), ...numbers },
    ];
  }
  return [
    { ...contender(NATIVE, () => floor.replaceRandom(0, OPERATIONS)), ...native },
    { ...contender(BUFFER_TIER, () => replaceRandomBuffers(pool, blocks)), ...buffers },
    { ...contender(OFFSET_TIER, () => replaceRandomOffsets(pool, offsets)), ...numbers },
  ];
}

function replaceOldestBuffers(pool: MemPool, blocks: ArrayBuffer[]): void {
  for (let i = 0; i < OPERATIONS; i++) {
    const at = i % LIVE;
    pool.free(blocks[at]!);
    blocks[at] = pool.alloc(BYTES)!;
  }
}

function replaceOldestOffsets(pool: MemPool, offsets: number[]): void {
  for (let i = 0; i < OPERATIONS; i++) {
    const at = i % LIVE;
    pool.freeOffset(offsets[at]!);
    offsets[at] = pool.allocOffset(BYTES);
  }
}

let seed = 1;

function replaceRandomBuffers(pool: MemPool, blocks: ArrayBuffer[]): void {
  for (let i = 0; i < OPERATIONS; i++) {
    seed = Math.imul(seed, 1664525) + 1013904223 | 0;
    const at = Math.trunc((seed >>> 0) * (LIVE / 2 ** 32));
    pool.free(blocks[at]!);
    blocks[at] = pool.alloc(BYTES)!;
  }
}

function replaceRandomOffsets(pool: MemPool, offsets: number[]): void {
  for (let i = 0; i < OPERATIONS; i++) {
    seed = Math.imul(seed, 1664525) + 1013904223 | 0;
    const at = Math.trunc((seed >>> 0) * (LIVE / 2 ** 32));
    pool.freeOffset(offsets[at]!);
    offsets[at] = pool.allocOffset(BYTES);
  }
}

/** Checks that the measured pool still finds a double free in both tiers. */
function proveDoubleFree(pool: MemPool): void {
  const block = pool.alloc(BYTES)!;
  const offset = pool.offsetOf(block);
  pool.free(block);
  for (const again of [() => pool.free(block), () => pool.freeOffset(offset)]) {
    try {
      again();
    } catch (error) {
      if (error instanceof MemPoolError && error.code === "double-free") continue;
    }
    throw new Error("A double free was not found");
  }
}
