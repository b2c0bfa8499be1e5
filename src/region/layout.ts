/**
 * The format of a region: where its parts lie and what their words mean.
 *
 *     header       the lock, geometry, counters, free lists, worker slots
 *     caches       block numbers, as many as CACHED_BLOCKS a slot, and those of short runs
 *     depot        block numbers, as many as DEPOT_CACHES caches
 *     requests     16 bytes for each that may wait for a block
 *     block table  one descriptor of 16 bytes a block
 *     traces       in a checked pool: 16 bytes a block, and stacks
 *     guard page
 *     data         blockCount * blockSize bytes
 *     guard page
 *
 * Everything is in 32-bit words, or in doubles where 32 bits are too few. Numbers of blocks and of words are
 * `number`s below 2^31; distances in bytes are `number`s below 2^53. There are no pointers.
 *
 * @module
 */

/** Raise it with every change of this file that an attached worker of another version would misread. */
export const FORMAT = 7;

/** "mPo1": tells a region from anything else, and from one of the other byte order. */
export const MAGIC = 0x316f506d;

// Header, in 32-bit words. The first 32 are the lock's: MEMPOOL_LOCK_BYTES in native/mempool.h. Then what is written
// once, or once more by destroy; and from word 64, on other cache lines, what is written under the lock.

export const HEADER_MAGIC = 32;
export const HEADER_FORMAT = 33;
/** LIVE, AWAITED or DESTROYED. */
export const STATE = 34;
/** Blocks that there are. Written under the lock, and only grows. */
export const BLOCK_COUNT = 35;
/** 1 where misuse of `free` is only warned of. */
export const WARN_ON_MISUSE = 36;
export const LOCK_TIMEOUT = 37;
/** Room for entries in each worker's cache. */
export const CACHED_BLOCKS = 38;
export const CACHED_BUFFERS = 39;
/** 1 while workers take from their caches by plain stores, without an atomic instruction. Written under the lock. */
export const PLAIN_CLAIMS = 40;
/** 1 where the system has the barrier that PLAIN_CLAIMS needs. */
export const HAS_BARRIER = 41;
/** 1 in a pool that finds misuse. */
export const CHECKED = 42;
/** Blocks that there may be. Table, caches and addresses are made for so many. */
export const BLOCK_CAPACITY = 43;
/** Sum of all that is written once; see src/region/validate.ts. */
export const HEADER_SUM = 44;
/**
 * The tag CACHED of the pool's only worker, which may free by plain stores then; UNSETTLED or 0 for nobody's. Written under
 * the lock, see src/cache/bias.ts.
 */
export const BIAS_TAG = 45;
/** In doubles. */
export const BLOCK_SIZE = 24;

/** The worker inside a critical section, 0 for none. */
export const HOLDER = 64;
/** Worker numbers count up from 1 and are never used twice. */
export const NEXT_WORKER = 65;
/** Blocks in free runs. */
export const FREE_BLOCKS = 66;
/** No block from this one up was handed out or cached since its memory came from the system, so those are zero. */
export const HIGH_WATER = 67;
export const PEAK_ALLOCATED = 68;
/** One more than the highest slot that ever had a worker. Only grows. */
export const SLOTS_USED = 69;
/** Entries in the depot. */
export const DEPOT_TOP = 70;
/** In a checked pool: how many allocations there were, and how much of the stack log is used. Written without the lock. */
export const LAST_SEQUENCE = 71;
export const STACK_LOG_USED = 72;

// Requests that wait for blocks, see src/region/wait_queue.ts.

export const QUEUE_FIRST = 90;
export const QUEUE_NEXT = 91;
export const QUEUE_END = 92;

// Counters, in doubles.

export const ALLOCS = 37;
export const FREES = 38;
export const COALESCED = 39;
export const EXHAUSTED = 40;
export const LOCK_ACQUISITIONS = 41;
export const LOCK_CONTENDED = 42;
export const OWNER_DEATHS = 43;
export const GROWN = 44;

/** In 32-bit words: HIGH_WATER and BLOCK_COUNT with every bit turned, so that no accident to one word makes them believed. */
export const HIGH_WATER_INVERTED = 93;
export const BLOCK_COUNT_INVERTED = 94;

// Values of STATE. CLOSED stands in no region: it is what a pool object reads once its worker has left.

export const LIVE = 1;
export const DESTROYED = 2;
export const CLOSED = 3;
/** Live, and somebody waits for a block: nothing goes through the worker caches. */
export const AWAITED = 4;

/** In SOLE_TAG: whoever it named may still be in the middle of a free. It is nobody's tag, which have all an even number of bits. */
export const REVOKING = 1;

// Free lists, in 32-bit words of the header.

/** Lengths of one power of two are told apart in this many steps. */
export const SECOND_LEVELS = 32;
export const SECOND_LEVEL_BITS = 5;
/** Enough first levels for a run of MAX_BLOCKS. */
export const FIRST_LEVELS = 25;
/** Bit f is set where second-level map f is not 0. */
export const FIRST_LEVEL_MAP = 96;
/** Bit s of map f is set where list (f, s) is not empty. */
export const SECOND_LEVEL_MAPS = 97;
export const LIST_HEADS = 128;

// Worker slots, in 32-bit words, each on two cache lines of its own. SLOT_CLAIM, SLOT_TOP, SLOT_LOWEST, SLOT_FREEING, SLOT_GIVEN,
// SLOT_RUN_BLOCKS, SLOT_RUNS_GIVEN, SLOT_RUNS_TAKEN and SLOT_RUN_TOPS are written only by the worker that has the slot, all else under the
// lock.

export const SLOT_COUNT = 128;
export const SLOT_WORDS = 32;
export const SLOTS = 960;

/** The worker that has the slot, 0 for none. */
export const SLOT_WORKER = 0;
/** The block that the worker is just taking from its cache, NONE for none. */
export const SLOT_CLAIM = 1;
/** Entries in its cache. */
export const SLOT_TOP = 2;
/** Those of them whose block another worker has recalled. */
export const SLOT_STALE = 3;
/** Fewest entries since the worker last counted the pool's allocated blocks. */
export const SLOT_LOWEST = 4;
/** Blocks in the short runs that it put into its cache, less those that it took out. */
export const SLOT_RUN_BLOCKS = 5;
/** Those of them that another worker has recalled. */
export const SLOT_RUN_BLOCKS_RECALLED = 6;
/** 1 while the worker frees a block by plain stores. */
export const SLOT_FREEING = 7;
/** In doubles from the slot's first: blocks that it freed into its cache, and net, that came to it from free runs. */
export const SLOT_GIVEN = 4;
export const SLOT_REFILLED = 5;
/** In doubles: the thread that the worker is, as the native library numbers them. */
export const SLOT_THREAD = 6;
/**
 * The worker's number with every bit turned, once it was found dead and what it had cached was taken back; else 0. Not 1,
 * which a single wrong bit could make of 0.
 */
export const SLOT_SWEPT = 14;
/** Sum of worker and thread, 0 in a free slot: so that nobody takes a living worker for a dead one, or its slot, by accident. */
export const SLOT_SUM = 15;
/** In doubles: short runs that the worker freed into its cache, and that it took out. */
export const SLOT_RUNS_GIVEN = 8;
export const SLOT_RUNS_TAKEN = 9;
/** Entries in its cache for runs of two blocks; of three, and so on, in the words that follow. */
export const SLOT_RUN_TOPS = 20;

/** A multiple of every page size up to 16 KiB. */
export const HEADER_BYTES = 32_768;

/** The depot has room for so many full caches. */
export const DEPOT_CACHES = 4;

/** So that all caches together stay small in address space. */
export const MAX_CACHED_BLOCKS = 65_536;

/** Runs of two blocks to this many are freed without the lock, and may be cached. */
export const LONGEST_SHORT_RUN = 9;

/** So many of each length, which is a cache line of entries. */
export const RUN_ENTRIES = 16;

// Requests, in 32-bit words of a ring.

/** So many may wait at a time. A power of two. */
export const MAX_WAITING = 16_384;
export const REQUEST_WORDS = 4;
/** Who waits. */
export const REQUEST_WORKER = 0;
/** The block that it got, or what src/region/wait_queue.ts says instead. */
export const REQUEST_BLOCK = 1;
/** Bytes asked for, in two words. */
export const REQUEST_LOW = 2;
export const REQUEST_HIGH = 3;

// Descriptors.

/** Words of a descriptor, and the bits of this number. */
export const DESCRIPTOR_WORDS = 4;
export const DESCRIPTOR_SHIFT = 2;
/** Blocks whose descriptors lie in one cache line. */
export const LINE_BLOCKS = 4;

/** State, and the number of the worker that has the block. */
export const TAG = 0;
/** Length of the run in blocks, in the descriptor of its first block; in an END_OF_FREE one, the first block. */
export const LENGTH = 1;
/** Only valid if the run is free: neighbours in its list, NONE at the ends. */
export const PREVIOUS = 2;
export const NEXT = 3;
/** Only valid if the run is allocated: bytes asked for, in two words. */
export const REQUESTED_LOW = 2;
export const REQUESTED_HIGH = 3;

/** No block. */
export const NONE = -1;

// States, the low bits of a tag. Truthful in the first and in the last block of every run, and nowhere else;
// but from RELEASING up, they are in no block that is not the first of such a run.

export const STATE_BITS = 4;
export const STATE_MASK = 15;
/** Inside a run, or the last block of an allocated one. */
export const INTERIOR = 0;
/** First block of a free run. */
export const FREE = 1;
/** Last block of a free run of two blocks or more. */
export const END_OF_FREE = 2;
/** First block of a run that freeMany has claimed and not yet freed. */
export const RELEASING = 3;
/** A single block in a worker's cache. */
export const CACHED = 4;
/** First block of a short run in a worker's cache. */
export const CACHED_RUN = 5;
/** What a worker has claimed in its cache by exchange, and not yet handed out. */
export const TAKING = 6;
/** A single block, handed out. */
export const ALLOCATED = 8;
/** First block of a short run, handed out. */
export const ALLOCATED_SHORT = 9;
/** First block of a longer run, handed out; or of one that is just made longer or shorter. It is freed under the lock only. */
export const ALLOCATED_RUN = 10;

// Traces, in 32-bit words a block; only in a checked pool.

export const LOG_ENTRY_WORDS = 4;
export const LOG_ENTRY_SHIFT = 2;
/** Number of the block's last allocation. */
export const LOG_SEQUENCE = 0;
/** Its stack, as a place in the log. */
export const LOG_ALLOCATED_AT = 1;
/** Number of the allocation that was freed last, and its stack. */
export const LOG_FREED = 2;
export const LOG_FREED_AT = 3;

/** Room for stacks: thousands, and no memory until they are there. */
export const STACK_LOG_WORDS: number = 2 ** 20;

// Bounds.

/** So that the number of a word in the table stays below 2^31, and one ArrayBuffer of 4 GiB holds the table. */
export const MAX_BLOCKS: number = 2 ** 28 - 2 ** 23;
/** No system that we know maps more for one process. */
export const MAX_BYTES: number = 2 ** 47;
/** So that a tag stays below 2^31. */
export const MAX_WORKERS: number = 2 ** 27 - 2;
/** In the tags of blocks whose worker died and has no slot any more. */
export const ORPHAN: number = MAX_WORKERS + 1;

/** Word where the entries of a slot's cache start, or for SLOT_COUNT those of the depot. */
export function cacheWord(slot: number, cachedBlocks: number): number {
  return HEADER_BYTES / Int32Array.BYTES_PER_ELEMENT + slot * cacheStride(cachedBlocks);
}

/** Word where the entries of a slot's cache start for short runs of this length. */
export function runEntriesWord(slot: number, cachedBlocks: number, length: number): number {
  return cacheWord(slot, cachedBlocks) + wholeLines(cachedBlocks) + (length - 2) * RUN_ENTRIES;
}

/** Word where the requests start. */
export function waitQueueWord(cachedBlocks: number): number {
  return cacheWord(SLOT_COUNT + DEPOT_CACHES, cachedBlocks);
}

/** Word where the block table starts. */
export function tableWord(cachedBlocks: number): number {
  return waitQueueWord(cachedBlocks) + MAX_WAITING * REQUEST_WORDS;
}

/** Word where the block table ends, and in a checked pool the allocation log starts. */
export function allocationLogWord(capacity: number, cachedBlocks: number): number {
  return tableWord(cachedBlocks) + capacity * DESCRIPTOR_WORDS;
}

/** Bytes of all that is not data, for a pool that may have so many blocks. */
export function metaBytes(capacity: number, cachedBlocks: number, checked: boolean): number {
  const words = allocationLogWord(capacity, cachedBlocks);
  return (checked ? words + capacity * LOG_ENTRY_WORDS + STACK_LOG_WORDS : words) * Int32Array.BYTES_PER_ELEMENT;
}

/** Words for one cache: whole cache lines, so that workers do not share any. */
function cacheStride(cachedBlocks: number): number {
  return cachedBlocks === 0 ? 0 : wholeLines(cachedBlocks) + (LONGEST_SHORT_RUN - 1) * RUN_ENTRIES;
}

function wholeLines(words: number): number {
  return Math.ceil(words / 16) * 16;
}
