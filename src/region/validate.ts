import { MemPoolError } from "../base/errors.ts";
import { allocatedState, type BlockTable, isAllocated, isCachedAs, stateOf } from "./block_table.ts";
import {
  ALIGNMENT,
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
  INITIAL_BLOCK_COUNT,
  INTERIOR,
  LIVE,
  LOCK_TIMEOUT,
  MAGIC,
  NAMED,
  PLAIN_CLAIMS,
  STATE,
  TAG,
  WARN_ON_MISUSE,
} from "./layout.ts";

// Checks in constant time that every slow path makes before it uses a word of the region. A stray write of native code
// can corrupt any word, and that must cause neither an out-of-bounds access nor an endless loop. `check` of a pool
// checks all words: src/diagnostics/invariants.ts.

/** The part of a region that the checks need. */
interface Words {
  readonly header: Int32Array;
  readonly counters: Float64Array;
  readonly table: BlockTable;
  readonly blockSize: number;
}

/** The error for words that violate an invariant, named by its number in docs/design.md. */
export function broken(invariant: string, detail: string): MemPoolError {
  return new MemPoolError("corrupt", `The pool is corrupt (invariant ${invariant}): ${detail}`);
}

/** The error for an entry of a worker's cache that is no block. */
export function strayEntry(block: number): MemPoolError {
  return broken("I14", `a cache holds block ${block}`);
}

/** Whether a word can be a block number. */
export function isInTable(table: BlockTable, block: number): boolean {
  return block >>> 0 < table.blockCount;
}

/** The length of the run at `block`. Throws if no run there can have this length. */
export function validLength(table: BlockTable, block: number): number {
  const length = table.length(block);
  if (length >= 1 && length <= table.blockCount - block) return length;
  throw wrongLength(table, block);
}

function wrongLength(table: BlockTable, block: number): MemPoolError {
  return broken("I2", `the run at block ${block} has a length of ${table.length(block)}`);
}

/** Throws if the tag says that the run at `block` is allocated, and other words of the run contradict that. */
export function validateRun(region: Words, block: number, tag: number = region.table.loadTag(block)): void {
  if (!isAllocated(tag)) return;
  const fault = faultOfRun(region, block, tag);
  // If the tag has changed, another worker has freed the run meanwhile, perhaps by mistake, and may have joined it with
  // the run that follows. Then the words that were read prove nothing.
  if (fault !== undefined && region.table.loadTag(block) === tag) throw fault;
}

/** The error for a run that is allocated or cached, or undefined if its words agree with its tag. */
export function faultOfRun({ table, blockSize }: Words, block: number, tag: number): MemPoolError | undefined {
  const length = table.length(block);
  if (!(length >= 1 && length <= table.blockCount - block)) return wrongLength(table, block);
  const state = stateOf(tag);
  if (state !== allocatedState(length) && !isCachedAs(state, length)) {
    return broken("I2", `the run of length ${length} at block ${block} has state ${state}`);
  }
  if (length > 1 && stateOf(table.get(block + length - 1, TAG)) !== INTERIOR) {
    return broken("I5", `the last block of the allocated run at block ${block} is not marked as its end`);
  }
  if (table.hasExactLength(block, blockSize)) return undefined;
  return broken("I7", `the run of length ${length} at block ${block} claims to hold ${table.requested(block)} bytes`);
}

/** Whether a pool's state is LIVE or AWAITED. The state is read once, because other workers switch between the two. */
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

/** The words of the header that are written once, except HEADER_SUM itself. */
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
  INITIAL_BLOCK_COUNT,
  ALIGNMENT,
  NAMED,
  2 * BLOCK_SIZE,
  2 * BLOCK_SIZE + 1,
];

/** Adds a word to a checksum. Each step is invertible, so sums that differ stay different if the same words follow. */
export function addToSum(sum: number, word: number): number {
  return Math.imul(sum ^ word, 0x9e3779b1);
}

/** The right value of HEADER_SUM. A change of any single word changes it. */
export function headerSum(header: Int32Array): number {
  return CONSTANTS.reduce((sum, place) => addToSum(sum, header[place]!), 1);
}

/**
 * The number of blocks. Throws if it does not agree with its complement. The caller holds the lock, because a worker
 * that grows the pool writes the two words one after the other.
 */
export function validBlockCount({ header, table }: Pick<Words, "header" | "table">): number {
  const count = table.blockCount;
  if (header[BLOCK_COUNT_INVERTED] === ~count) return count;
  throw broken("I1", `the block count ${header[BLOCK_COUNT]} does not match its complement`);
}

/** Checks I1 and I8, except for the complement of the block count, which only the lock keeps in step. */
export function checkHeader({ header, counters, table, blockSize }: Words): void {
  if (header[HEADER_MAGIC] !== MAGIC) throw broken("I1", `the magic number is ${header[HEADER_MAGIC]}`);
  if (header[HEADER_FORMAT] !== FORMAT) throw broken("I1", `the format is ${header[HEADER_FORMAT]}`);
  if (header[BLOCK_CAPACITY] !== table.capacity) throw broken("I1", `the block capacity is ${header[BLOCK_CAPACITY]}`);
  const count = header[BLOCK_COUNT]!;
  if (!(count >= 1 && count <= table.capacity)) throw broken("I1", `the block count is ${count}`);
  if (counters[BLOCK_SIZE] !== blockSize) throw broken("I1", `the block size is ${counters[BLOCK_SIZE]}`);
  if (blockSize % 16 !== 0) throw broken("I8", `the block size ${blockSize} is not a multiple of 16`);
  if (header[HEADER_SUM] !== headerSum(header)) throw broken("I1", "the checksum of the header is wrong");
  const plain = header[PLAIN_CLAIMS]!;
  if (plain !== 0 && plain !== header[HAS_BARRIER]) throw broken("I1", `the mark for plain claims is ${plain}`);
}

/**
 * High water: blocks from this one up were never handed out or cached, so they hold zeros. Throws if it does not agree
 * with its complement. With a value that is too low, `calloc` would hand out bytes that are not 0.
 */
export function validHighWater(header: Int32Array): number {
  const highWater = header[HIGH_WATER]!;
  if (header[HIGH_WATER_INVERTED] === ~highWater) return highWater;
  throw broken("I9", `high water ${highWater} does not match its complement`);
}

/** Stores high water and its complement, so that one overwritten word is noticed. */
export function setHighWater(header: Int32Array, highWater: number): void {
  header[HIGH_WATER] = highWater;
  header[HIGH_WATER_INVERTED] = ~highWater;
}
