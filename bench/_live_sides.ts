/**
 * The contenders of bench/live.ts with one number of live blocks, in an engine of their own. Their loops are alike but
 * not shared, so that the compilers specialise each of them.
 */

import { MemPool } from "../mod.ts";
import type { Side } from "./_engine.ts";
import { keep } from "./_measure.ts";

export const BYTES = 200;
export const OPERATIONS = 4000;

export const OFFSET_TIER = "pool, offset tier";
export const BUFFER_TIER = "pool, ArrayBuffer tier";
export const EXCHANGE = "an exchange in a record, without a pool";
export const LOOK = "asking an ArrayBuffer for its length";

const BLOCK = 256;
/** The words of a record: as many as in the descriptor of a block. */
const RECORD_WORDS = 4;

export function nameOf(side: string, count: number): string {
  return `${side}, ${count.toLocaleString("en-US")} live`;
}

export function offsetSides(count: number): Side[] {
  return [offsetSide(count), exchangeSide(count)];
}

export function bufferSides(count: number): Side[] {
  return [bufferSide(count), lookSide(count)];
}

function offsetSide(count: number): Side {
  const pool = poolFor(count);
  const offsets = Array.from({ length: count }, () => pool.allocOffset(BYTES));
  let seed = 1;
  return {
    contender: {
      name: nameOf(OFFSET_TIER, count),
      operations: OPERATIONS,
      run: () => {
        for (let i = 0; i < OPERATIONS; i++) {
          seed = Math.imul(seed, 1664525) + 1013904223 | 0;
          const at = Math.trunc((seed >>> 0) * (count / 2 ** 32));
          pool.freeOffset(offsets[at]!);
          offsets[at] = pool.allocOffset(BYTES);
        }
      },
    },
    close: () => pool.destroy(),
  };
}

function bufferSide(count: number): Side {
  const pool = poolFor(count);
  const blocks = Array.from({ length: count }, () => pool.alloc(BYTES)!);
  let seed = 1;
  return {
    contender: {
      name: nameOf(BUFFER_TIER, count),
      operations: OPERATIONS,
      run: () => {
        for (let i = 0; i < OPERATIONS; i++) {
          seed = Math.imul(seed, 1664525) + 1013904223 | 0;
          const at = Math.trunc((seed >>> 0) * (count / 2 ** 32));
          pool.free(blocks[at]!);
          blocks[at] = pool.alloc(BYTES)!;
        }
      },
    },
    close: () => pool.destroy(),
  };
}

/**
 * The least that finds every double free, at places like those of the descriptors. It never has to find a free block.
 */
function exchangeSide(count: number): Side {
  const records = new Int32Array(new SharedArrayBuffer(2 * count * RECORD_WORDS * 4));
  const words = Array.from({ length: count }, (_, record) => record * RECORD_WORDS);
  for (const word of words) records[word] = 1;
  let seed = 1;
  return {
    contender: {
      name: nameOf(EXCHANGE, count),
      operations: OPERATIONS,
      run: () => {
        for (let i = 0; i < OPERATIONS; i++) {
          seed = Math.imul(seed, 1664525) + 1013904223 | 0;
          const at = Math.trunc((seed >>> 0) * (count / 2 ** 32));
          const word = words[at]!;
          if (Atomics.compareExchange(records, word, 1, 2) !== 1) throw new Error(`Record ${word} is not allocated`);
          records[word + 2] = BYTES;
          records[word] = 1;
          words[at] = word;
        }
      },
    },
    close: () => {},
  };
}

function lookSide(count: number): Side {
  const pool = poolFor(count);
  const blocks = Array.from({ length: count }, () => pool.alloc(BYTES)!);
  let seed = 1;
  let bytes = 0;
  return {
    contender: {
      name: nameOf(LOOK, count),
      operations: OPERATIONS,
      run: () => {
        for (let i = 0; i < OPERATIONS; i++) {
          seed = Math.imul(seed, 1664525) + 1013904223 | 0;
          bytes += blocks[Math.trunc((seed >>> 0) * (count / 2 ** 32))]!.byteLength;
        }
        keep.value = bytes;
      },
    },
    close: () => pool.destroy(),
  };
}

/** Half of the pool stays free. */
function poolFor(count: number): MemPool {
  return MemPool.init(2 * count * BLOCK, BLOCK);
}
