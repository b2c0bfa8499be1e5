import { MemPoolError } from "./errors.ts";
import { IN_DEPOT } from "./depot.ts";
import { classOf } from "./free_lists.ts";
import {
  ALLOCATED,
  ALLOCATED_RUN,
  BLOCK_CAPACITY,
  BLOCK_COUNT,
  BLOCK_SIZE,
  END_OF_FREE,
  FIRST_LEVELS,
  FORMAT,
  FREE,
  FREE_BLOCKS,
  HEADER_FORMAT,
  HEADER_MAGIC,
  HIGH_WATER,
  INTERIOR,
  LENGTH,
  MAGIC,
  NONE,
  PEAK_ALLOCATED,
  SECOND_LEVELS,
  TAG,
} from "./layout.ts";
import { type BlockTable, isAllocated, isCached, stateOf } from "./table.ts";
import type { Lock } from "./lock.ts";
import type { Views } from "./views.ts";

/**
 * Executes the invariants of docs/design.md, by their numbers; throws "corrupt" with the first that is broken. The
 * caller holds the lock. Every loop has a bound that no content of the region can move.
 */
export function checkInvariants(views: Views): void {
  checkHeader(views);
  const found = walkTable(views);
  walkLists(views, found.freeRuns);
  checkDepot(views, found.inDepot);
  checkCounters(views, found);
}

interface Found {
  freeRuns: number;
  free: number;
  cached: number;
  inDepot: number;
  allocated: number;
  /** End of the last run that is not free. */
  end: number;
}

function broken(invariant: string, detail: string): MemPoolError {
  return new MemPoolError("corrupt", `Cannot trust the pool: ${invariant} is broken, ${detail}`);
}

function checkHeader({ header, counters, table, blockSize }: Views): void {
  if (header[HEADER_MAGIC] !== MAGIC) throw broken("I1", `the magic number is ${header[HEADER_MAGIC]}`);
  if (header[HEADER_FORMAT] !== FORMAT) throw broken("I1", `the format is ${header[HEADER_FORMAT]}`);
  if (header[BLOCK_CAPACITY] !== table.capacity) throw broken("I1", `there may be ${header[BLOCK_CAPACITY]} blocks`);
  const count = header[BLOCK_COUNT]!;
  if (!(count >= 1 && count <= table.capacity)) throw broken("I1", `the block count is ${count}`);
  if (counters[BLOCK_SIZE] !== blockSize) throw broken("I1", `the block size is ${counters[BLOCK_SIZE]}`);
  if (blockSize % 16 !== 0) throw broken("I8", `a block size of ${blockSize} is not aligned`);
}

function walkTable(views: Views): Found {
  const { table } = views;
  const found: Found = { freeRuns: 0, free: 0, cached: 0, inDepot: 0, allocated: 0, end: 0 };
  let afterFree = false;
  for (let block = 0; block < table.blockCount;) {
    const length = checkedLength(table, block);
    const tag = table.loadTag(block);
    const state = stateOf(tag);
    if (state === FREE) {
      if (afterFree) throw broken("I3", `the free run at block ${block} follows another`);
      checkFree(views, block, length);
      found.freeRuns++;
      found.free += length;
    } else {
      checkTaken(views, block, length, state);
      checkUnmarked(views, block, block + length);
      found.end = block + length;
      if (tag === IN_DEPOT) found.inDepot++;
      found[isCached(state) ? "cached" : "allocated"] += length;
    }
    checkInside(views, block, length);
    afterFree = state === FREE;
    block += length;
  }
  return found;
}

function checkedLength(table: BlockTable, block: number): number {
  const length = table.length(block);
  if (length >= 1 && length <= table.blockCount - block) return length;
  throw broken("I2", `the run at block ${block} has a length of ${length}`);
}

/** What can be told in constant time and without the lock: before every call on a checked pool. */
export function checkCheaply(views: Views): void {
  checkHeader(views);
  const { header, table } = views;
  for (
    const [invariant, name, word] of [["I6", "the count of free blocks", FREE_BLOCKS], [
      "I9",
      "high water",
      HIGH_WATER,
    ]] as const
  ) {
    const value = header[word]!;
    if (!(value >= 0 && value <= table.blockCount)) throw broken(invariant, `${name} is ${value}`);
  }
}

/** What the invariants say of one run if it is handed out, in constant time. The caller does not hold the lock. */
export function checkRun(views: Views, lock: Lock, block: number): void {
  try {
    checkIfAllocated(views, block);
  } catch {
    // Another worker may be freeing or resizing it this moment, by mistake: under the lock nobody does.
    lock.inspect("check the pool", () => checkIfAllocated(views, block));
  }
}

function checkIfAllocated(views: Views, block: number): void {
  const { table } = views;
  const tag = table.loadTag(block);
  if (isAllocated(tag)) checkTaken(views, block, checkedLength(table, block), stateOf(tag));
}

function checkFree({ table, lists }: Views, block: number, length: number): void {
  const last = block + length - 1;
  if (length > 1 && (table.get(last, TAG) !== END_OF_FREE || table.get(last, LENGTH) !== block)) {
    throw broken("I5", `the last block ${last} of the free run at block ${block} does not point back`);
  }
  const previous = table.previous(block);
  const next = table.next(block);
  const before = previous === NONE ? lists.head(classOf(length)) : linkOf(table, previous, "next");
  const after = next === NONE ? block : linkOf(table, next, "previous");
  if (before !== block || after !== block) {
    throw broken("I4", `the free run at block ${block} is not on the list of its class`);
  }
}

/** A block that is marked as zero is free. */
function checkUnmarked({ zeroed }: Views, first: number, end: number): void {
  const marked = zeroed.next(true, first, end);
  if (marked < end) throw broken("I12", `block ${marked} is marked as zero and is not free`);
}

function linkOf(table: BlockTable, block: number, direction: "next" | "previous"): number {
  return block >= 0 && block < table.blockCount ? table[direction](block) : NONE;
}

function checkTaken({ table, blockSize }: Views, block: number, length: number, state: number): void {
  const wanted = length === 1 ? state === ALLOCATED || isCached(state) : state === ALLOCATED_RUN;
  if (!wanted) throw broken("I2", `the run of ${length} at block ${block} has the state ${state}`);
  if (length > 1 && stateOf(table.get(block + length - 1, TAG)) !== INTERIOR) {
    throw broken("I5", `the last block of the allocated run at block ${block} claims to be something else`);
  }
  if (isCached(state)) return;
  const requested = table.requested(block);
  if (!(requested >= 1 && Math.ceil(requested / blockSize) === length)) {
    throw broken("I7", `the run of ${length} at block ${block} is said to hold ${requested} bytes`);
  }
}

/** What is handed out or cached starts a run: free() trusts tags without a walk. Above high water there is nothing. */
function checkInside({ header, table }: Views, block: number, length: number): void {
  const end = Math.min(block + length, Math.max(header[HIGH_WATER]!, 0));
  for (let inner = block + 1; inner < end; inner++) {
    const state = stateOf(table.get(inner, TAG));
    if (state !== INTERIOR && state !== FREE && state !== END_OF_FREE) {
      throw broken("I2", `block ${inner} inside the run at block ${block} has the state ${state}`);
    }
  }
}

function walkLists({ table, lists }: Views, freeRuns: number): void {
  let listed = 0;
  for (let level = 0; level < FIRST_LEVELS; level++) {
    if (!lists.isLevelTrue(level)) throw broken("I10", `the bit of level ${level} is wrong`);
  }
  for (let index = 0; index < FIRST_LEVELS * SECOND_LEVELS; index++) {
    const head = lists.head(index);
    if (lists.isMarked(index) !== (head !== NONE)) throw broken("I10", `the bit of list ${index} is wrong`);
    for (let block = head; block !== NONE; block = table.next(block)) {
      if (++listed > freeRuns) throw broken("I4", `list ${index} holds more than the free runs`);
      if (!(block >= 0 && block < table.blockCount && table.isFree(block) && classOf(table.length(block)) === index)) {
        throw broken("I4", `list ${index} holds block ${block}, which is no free run of its class`);
      }
    }
  }
  if (listed !== freeRuns) throw broken("I4", `the lists hold ${listed} of ${freeRuns} free runs`);
}

function checkDepot({ table, depot }: Views, blocks: number): void {
  if (depot.top !== blocks) throw broken("I11", `the depot holds ${depot.top} blocks, ${blocks} are nobody's`);
  for (let entry = 0; entry < blocks; entry++) {
    const block = depot.at(entry);
    if (!(block >= 0 && block < table.blockCount && table.tag(block) === IN_DEPOT)) {
      throw broken("I11", `the depot holds block ${block}, which is not cached by nobody`);
    }
  }
}

function checkCounters({ header, table }: Views, found: Found): void {
  const sum = found.allocated + found.cached + header[FREE_BLOCKS]!;
  if (sum !== table.blockCount) {
    throw broken("I6", `${header[FREE_BLOCKS]} blocks are counted free, ${found.free} are`);
  }
  if (!(header[HIGH_WATER]! >= found.end && header[HIGH_WATER]! <= table.blockCount)) {
    throw broken("I9", `high water is ${header[HIGH_WATER]}, blocks are taken up to ${found.end}`);
  }
  if (!(header[PEAK_ALLOCATED]! >= 0 && header[PEAK_ALLOCATED]! <= table.blockCount)) {
    throw broken("I9", `the peak is ${header[PEAK_ALLOCATED]} of ${table.blockCount} blocks`);
  }
}
