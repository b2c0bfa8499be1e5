import { type BlockTable, IN_DEPOT, isCached, makeTag, stateOf, workerOf } from "../region/block_table.ts";
import { classOf } from "../region/free_lists.ts";
import {
  BIAS_TAG,
  CACHED,
  CACHED_BLOCKS,
  CACHED_RUN,
  cacheWord,
  DEPOT_COUNT,
  END_OF_FREE,
  FIRST_LEVELS,
  FREE,
  FREE_BLOCKS,
  HIGH_WATER,
  HIGH_WATER_INVERTED,
  HOLDER,
  INTERIOR,
  LENGTH,
  LONGEST_SHORT_RUN,
  MAX_WORKERS,
  NEXT_WORKER,
  NONE,
  ORPHAN,
  PEAK_ALLOCATED,
  REVOKING,
  runEntriesWord,
  SECOND_LEVELS,
  SLOT_COUNT,
  SLOT_FREEING,
  SLOT_SWEPT,
  SLOTS_USED,
  TAG,
} from "../region/layout.ts";
import type { Region } from "../region/region.ts";
import { broken, checkHeader, faultOfRun, isInTable, validBlockCount, validLength } from "../region/validate.ts";
import { WAITING } from "../region/wait_queue.ts";
import { slotWord } from "../region/worker_slots.ts";

/** Number of bits in the first-level bitmap. */
const LEVEL_BITS = 32;

/**
 * Checks the invariants that docs/design.md lists by number. Throws "corrupt" for the first one that does not hold. The
 * caller holds the lock; other workers go on taking from their caches and giving to them. Every loop has a bound that
 * does not depend on the content of the region.
 */
export function checkInvariants(region: Region): void {
  checkHeader(region);
  validBlockCount(region);
  const workers = checkSlots(region);
  const found = walkTable(region, workers);
  walkLists(region, found.freeRuns);
  checkDepot(region, found.inDepot);
  checkQueue(region);
  checkCounters(region, found);
  checkOwnCache(region);
}

/** What a walk over the table found, in blocks unless the name says otherwise. */
interface Found {
  freeRuns: number;
  free: number;
  cached: number;
  inDepot: number;
  allocated: number;
  /** One more than the last block of the last run that is not free. */
  end: number;
}

function walkTable(region: Region, workers: ReadonlySet<number>): Found {
  const { table } = region;
  const found: Found = { freeRuns: 0, free: 0, cached: 0, inDepot: 0, allocated: 0, end: 0 };
  let afterFree = false;
  for (let block = 0; block < table.blockCount;) {
    const length = validLength(table, block);
    const tag = table.loadTag(block);
    const state = stateOf(tag);
    if (state === FREE) {
      if (afterFree) throw broken("I3", `the free run at block ${block} follows another free run`);
      checkFree(region, block, length);
      found.freeRuns++;
      found.free += length;
    } else {
      checkRun(region, block, tag);
      checkOwner(region, block, tag, workers);
      found.end = block + length;
      if (tag === IN_DEPOT) found.inDepot++;
      found[isCached(state) ? "cached" : "allocated"] += length;
    }
    checkInside(region, block, length);
    afterFree = state === FREE;
    block += length;
  }
  return found;
}

function checkFree({ table, lists }: Region, block: number, length: number): void {
  const last = block + length - 1;
  if (length > 1 && (table.get(last, TAG) !== END_OF_FREE || table.get(last, LENGTH) !== block)) {
    throw broken("I5", `the last block ${last} of the free run at block ${block} does not point back`);
  }
  const previous = table.previous(block);
  const next = table.next(block);
  const before = previous === NONE ? lists.head(classOf(length)) : linkedTo(table, previous, "next");
  const after = next === NONE ? block : linkedTo(table, next, "previous");
  if (before !== block || after !== block) {
    throw broken("I4", `the free run at block ${block} is not on the list of its class`);
  }
}

/** The link of `block` in this direction, NONE if `block` is not a block number. */
function linkedTo(table: BlockTable, block: number, direction: "next" | "previous"): number {
  return isInTable(table, block) ? table[direction](block) : NONE;
}

/** Checks a run that is allocated or cached. */
function checkRun(region: Region, block: number, tag: number): void {
  const fault = faultOfRun(region, block, tag);
  if (fault !== undefined) throw fault;
  if (tag !== makeTag(stateOf(tag), workerOf(tag))) {
    throw broken("I2", `the tag ${tag} of block ${block} has the wrong parity`);
  }
}

/** A worker that has left may still own allocated runs, but no cached ones. */
function checkOwner({ header }: Region, block: number, tag: number, workers: ReadonlySet<number>): void {
  const worker = workerOf(tag);
  const known = isCached(stateOf(tag))
    ? tag === IN_DEPOT || workers.has(worker)
    : worker === ORPHAN || (worker >= 1 && worker < header[NEXT_WORKER]!);
  if (!known) throw broken("I13", `block ${block} claims to belong to worker ${worker}`);
}

/**
 * A state from RELEASING up occurs only at the start of a run, because `free` believes a tag without a walk. Blocks
 * from high water up were never used, so the check ends there.
 */
function checkInside({ header, table }: Region, block: number, length: number): void {
  const end = Math.min(block + length, Math.max(header[HIGH_WATER]!, 0));
  for (let inner = block + 1; inner < end; inner++) {
    const state = stateOf(table.get(inner, TAG));
    if (state !== INTERIOR && state !== FREE && state !== END_OF_FREE) {
      throw broken("I2", `block ${inner} inside the run at block ${block} has state ${state}`);
    }
  }
}

function walkLists({ table, lists }: Region, freeRuns: number): void {
  let listed = 0;
  for (let level = 0; level < LEVEL_BITS; level++) {
    if (!lists.isLevelTrue(level)) throw broken("I10", `the bit of level ${level} is wrong`);
  }
  for (let index = 0; index < FIRST_LEVELS * SECOND_LEVELS; index++) {
    const head = lists.head(index);
    if (lists.isMarked(index) !== (head !== NONE)) throw broken("I10", `the bit of list ${index} is wrong`);
    for (let block = head; block !== NONE; block = table.next(block)) {
      if (++listed > freeRuns) throw broken("I4", `list ${index} holds more runs than are free`);
      if (!(isInTable(table, block) && table.isFree(block) && classOf(table.length(block)) === index)) {
        throw broken("I4", `list ${index} holds block ${block}, which is not a free run of its class`);
      }
    }
  }
  if (listed !== freeRuns) throw broken("I4", `the lists hold ${listed} of ${freeRuns} free runs`);
}

/** The bits and the blocks that are tagged as the depot's have to agree. */
function checkDepot({ header, depot }: Region, blocks: number): void {
  if (header[DEPOT_COUNT] !== blocks) {
    throw broken("I11", `the depot claims to hold ${header[DEPOT_COUNT]} blocks, but ${blocks} are tagged as its own`);
  }
  if (header[CACHED_BLOCKS] === 0) return;
  depot.check();
  const found = new Int32Array(blocks + 1);
  const count = depot.copyTo(found, 0, blocks + 1);
  if (count !== blocks) throw broken("I11", `the depot has bits for ${count} blocks and claims to hold ${blocks}`);
}

/** Also checks the requests that have a block which their worker has not collected yet. */
function checkQueue({ header, queue, table, blockSize }: Region): void {
  queue.forEach((place) => {
    const worker = queue.workerAt(place);
    if (!(worker >= 1 && worker < header[NEXT_WORKER]!)) {
      throw broken("I15", `a request names worker ${worker}, which never attached`);
    }
    const bytes = queue.bytesAt(place);
    if (!(bytes >= 1 && bytes <= table.capacity * blockSize)) {
      throw broken("I15", `a request of worker ${worker} claims to be for ${bytes} bytes`);
    }
    const block = queue.blockAt(place);
    if (block !== WAITING && !isInTable(table, block)) throw broken("I15", `a request claims to have block ${block}`);
    if (queue.isGranted(place, table) && table.requested(block) !== bytes) {
      throw broken("I15", `a request for ${bytes} bytes claims to have block ${block}`);
    }
  });
}

function checkCounters({ header, table }: Region, found: Found): void {
  const sum = found.allocated + found.cached + header[FREE_BLOCKS]!;
  if (sum !== table.blockCount) {
    throw broken("I6", `${header[FREE_BLOCKS]} blocks are counted as free, but ${found.free} are free`);
  }
  const high = header[HIGH_WATER]!;
  if (!(high >= found.end && high <= table.blockCount)) {
    throw broken(
      "I9",
      `high water is ${high}, but the last run in use ends at block ${found.end} of ${table.blockCount}`,
    );
  }
  if (header[HIGH_WATER_INVERTED] !== ~high) throw broken("I9", `high water ${high} does not match its complement`);
  if (!(header[PEAK_ALLOCATED]! >= 0 && header[PEAK_ALLOCATED]! <= table.blockCount)) {
    throw broken("I9", `the peak is ${header[PEAK_ALLOCATED]} of ${table.blockCount} blocks`);
  }
}

/** Returns the numbers of the workers that have slots. */
function checkSlots(region: Region): Set<number> {
  const { header, slots } = region;
  const workers = new Set<number>();
  const next = header[NEXT_WORKER]!;
  if (!(next >= 1 && next <= MAX_WORKERS + 1)) throw broken("I13", `the number of the next worker is ${next}`);
  const used = header[SLOTS_USED]!;
  if (!(used >= 0 && used <= SLOT_COUNT)) throw broken("I13", `the number of used slots is ${used}`);
  for (let slot = 0; slot < SLOT_COUNT; slot++) {
    const worker = slots.validWorker(slot);
    if (worker === 0) continue;
    const possible = slot < used && worker >= 1 && worker < next && !workers.has(worker);
    if (!possible) throw broken("I13", `slot ${slot} of ${used} has worker ${worker}`);
    const swept = header[slotWord(slot) + SLOT_SWEPT]!;
    if (swept !== 0 && swept !== ~worker) throw broken("I13", `slot ${slot} claims to be swept of worker ${~swept}`);
    workers.add(worker);
    checkCache(region, slot);
  }
  checkBias(region, workers);
  return workers;
}

function checkBias({ header }: Region, workers: ReadonlySet<number>): void {
  const tag = header[BIAS_TAG]!;
  if (tag === 0 || tag === REVOKING) return;
  const isAlone = workers.size === 1 && [...workers].every((worker) => tag === makeTag(CACHED, worker));
  if (!isAlone) throw broken("I13", `the pool is biased towards tag ${tag}, but has ${workers.size} workers`);
}

function checkCache(region: Region, slot: number): void {
  for (let length = 1; length <= LONGEST_SHORT_RUN; length++) {
    for (const block of entriesOf(region, slot, length)) {
      if (!isInTable(region.table, block)) throw broken("I14", `the cache of slot ${slot} holds block ${block}`);
    }
  }
}

/** The entries of a worker's cache for runs of one length. */
export function entriesOf({ header, meta, slots }: Region, slot: number, length: number): Int32Array {
  const cachedBlocks = header[CACHED_BLOCKS]!;
  const first = length === 1 ? cacheWord(slot, cachedBlocks) : runEntriesWord(slot, cachedBlocks, length);
  const top = length === 1 ? slots.validTop(slot) : slots.validRunTop(slot, length);
  return meta.subarray(first, first + top);
}

/**
 * Checks the cache of the worker that runs the check. In the caches of other workers, a cached block may have no entry,
 * because they take and give meanwhile.
 */
function checkOwnCache(region: Region): void {
  const { header, slots, table } = region;
  const worker = header[HOLDER]!;
  if (worker === 0) return;
  const slot = slots.slotOf(worker);
  if (slot === NONE) throw broken("I13", `worker ${worker}, which runs the check, has no slot`);
  if (header[slotWord(slot) + SLOT_FREEING] !== 0) {
    throw broken("I13", `worker ${worker}, which runs the check, claims to be in the middle of a free`);
  }
  const entered = Array.from({ length: LONGEST_SHORT_RUN + 1 }, (_, length) => {
    return new Set(length === 0 ? [] : entriesOf(region, slot, length));
  });
  const cached = [makeTag(CACHED, worker), makeTag(CACHED_RUN, worker)];
  for (let block = 0; block < table.blockCount; block += table.length(block)) {
    if (cached.includes(table.tag(block)) && !entered[table.length(block)]!.has(block)) {
      throw broken("I14", `block ${block} is cached by worker ${worker} without an entry`);
    }
  }
}
