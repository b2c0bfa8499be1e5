import { MemPoolError } from "../base/errors.ts";
import {
  AWAITED,
  BLOCK_CAPACITY,
  BLOCK_COUNT,
  BLOCK_COUNT_INVERTED,
  BLOCK_SIZE,
  CACHED_BLOCKS,
  CACHED_BUFFERS,
  CHECKED,
  DESTROYED,
  FORMAT,
  HAS_BARRIER,
  HEADER_FORMAT,
  HEADER_MAGIC,
  HEADER_SUM,
  HIGH_WATER,
  HIGH_WATER_INVERTED,
  INTERIOR,
  LIVE,
  LOCK_TIMEOUT,
  MAGIC,
  PLAIN_CLAIMS,
  STATE,
  TAG,
  WARN_ON_MISUSE,
} from "./layout.ts";
import { allocatedState, type BlockTable, isAllocated, isCachedAs, stateOf } from "./block_table.ts";

// What is looked at before words of the region are believed, in constant time: a word may be overwritten by accident, and
// then it must lead neither out of the memory nor round in circles. Every slow path asks here; `check` does it for all.

/** What is looked at: the part of a region's views that is not made of what is checked here. */
interface Words {
  readonly header: Int32Array;
  readonly counters: Float64Array;
  readonly table: BlockTable;
  readonly blockSize: number;
}

/** The error for words that contradict an invariant of docs/design.md. */
export function broken(invariant: string, detail: string): MemPoolError {
  return new MemPoolError("corrupt", `Cannot trust the pool: ${invariant} is broken, ${detail}`);
}

/** Whether a word that stands for a block can be one. */
export function isInTable(table: BlockTable, block: number): boolean {
  return block >>> 0 < table.blockCount;
}

/** Length of the run at a block; throws where no run can be as long. */
export function validLength(table: BlockTable, block: number): number {
  const length = table.length(block);
  if (length >= 1 && length <= table.blockCount - block) return length;
  throw wrongLength(table, block);
}

function wrongLength(table: BlockTable, block: number): MemPoolError {
  return broken("I2", `the run at block ${block} has a length of ${table.length(block)}`);
}

/** Throws if a run has this tag, which says that it is handed out, and its other words do not agree with that. */
export function validateRun(region: Words, block: number, tag: number = region.table.loadTag(block)): void {
  if (!isAllocated(tag)) return;
  const fault = faultOfTaken(region, block, tag);
  // Another worker may free it this moment, by mistake too, and then join it with what follows.
  if (fault !== undefined && region.table.loadTag(block) === tag) throw fault;
}

/** What is wrong with a run that is handed out or cached; undefined for nothing. */
export function faultOfTaken({ table, blockSize }: Words, block: number, tag: number): MemPoolError | undefined {
  const length = table.length(block);
  if (!(length >= 1 && length <= table.blockCount - block)) return wrongLength(table, block);
  const state = stateOf(tag);
  if (state !== allocatedState(length) && !isCachedAs(state, length)) {
    return broken("I2", `the run of ${length} at block ${block} has the state ${state}`);
  }
  if (length > 1 && stateOf(table.get(block + length - 1, TAG)) !== INTERIOR) {
    return broken("I5", `the last block of the allocated run at block ${block} claims to be something else`);
  }
  if (table.hasExactLength(block, blockSize)) return undefined;
  return broken("I7", `the run of ${length} at block ${block} is said to hold ${table.requested(block)} bytes`);
}

/** Whether a pool's state is LIVE or AWAITED. It is read once: another worker may turn the one into the other meanwhile. */
export function isLive(header: Int32Array): boolean {
  const state = header[STATE];
  return state === LIVE || state === AWAITED;
}

/** The error for a pool that is not live. */
export function stateError(action: string, state: number): MemPoolError {
  return state === DESTROYED
    ? new MemPoolError("destroyed", `Cannot ${action}: the pool is destroyed`)
    : new MemPoolError("corrupt", `Cannot ${action}: the pool's state is ${state}`);
}

/** Where the header has what is written once, in 32-bit words. */
const CONSTANTS = [
  HEADER_MAGIC,
  HEADER_FORMAT,
  BLOCK_CAPACITY,
  WARN_ON_MISUSE,
  LOCK_TIMEOUT,
  CACHED_BLOCKS,
  CACHED_BUFFERS,
  HAS_BARRIER,
  CHECKED,
  2 * BLOCK_SIZE,
  2 * BLOCK_SIZE + 1,
];

/** Adds a word to a sum. What differs once stays different: each step can be undone. */
export function addToSum(sum: number, word: number): number {
  return Math.imul(sum ^ word, 0x9e3779b1);
}

/** What HEADER_SUM has to be: any change of a single word changes it. */
export function headerSum(header: Int32Array): number {
  return CONSTANTS.reduce((sum, place) => addToSum(sum, header[place]!), 1);
}

/** How many blocks there are, which is said twice. The caller holds the lock: growing changes the one, then the other. */
export function validBlockCount({ header, table }: Pick<Words, "header" | "table">): number {
  const count = table.blockCount;
  if (header[BLOCK_COUNT_INVERTED] === ~count) return count;
  throw broken("I1", `the block count is said to be ${header[BLOCK_COUNT]}`);
}

/** I1 and I8, as far as they can be looked at without the lock. */
export function checkHeader({ header, counters, table, blockSize }: Words): void {
  if (header[HEADER_MAGIC] !== MAGIC) throw broken("I1", `the magic number is ${header[HEADER_MAGIC]}`);
  if (header[HEADER_FORMAT] !== FORMAT) throw broken("I1", `the format is ${header[HEADER_FORMAT]}`);
  if (header[BLOCK_CAPACITY] !== table.capacity) throw broken("I1", `there may be ${header[BLOCK_CAPACITY]} blocks`);
  const count = header[BLOCK_COUNT]!;
  if (!(count >= 1 && count <= table.capacity)) throw broken("I1", `the block count is ${count}`);
  if (counters[BLOCK_SIZE] !== blockSize) throw broken("I1", `the block size is ${counters[BLOCK_SIZE]}`);
  if (blockSize % 16 !== 0) throw broken("I8", `a block size of ${blockSize} is not aligned`);
  if (header[HEADER_SUM] !== headerSum(header)) throw broken("I1", "the header's sum is wrong");
  const plain = header[PLAIN_CLAIMS]!;
  if (plain !== 0 && plain !== header[HAS_BARRIER]) throw broken("I1", `the kind of claims is ${plain}`);
}

/** Blocks from this one up were never handed out or cached, so they hold zeros. A value that is too low would be unsafe. */
export function validHighWater(header: Int32Array): number {
  const highWater = header[HIGH_WATER]!;
  if (header[HIGH_WATER_INVERTED] === ~highWater) return highWater;
  throw broken("I9", `high water is said to be ${highWater}`);
}

/** Stores high water twice, so that a single overwritten word is noticed. */
export function setHighWater(header: Int32Array, highWater: number): void {
  header[HIGH_WATER] = highWater;
  header[HIGH_WATER_INVERTED] = ~highWater;
}
