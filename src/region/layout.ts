/**
 * The format of a region: which parts it has, and what each word means. This file defines the words that all other
 * files use; docs/design.md explains the structures that are built from them.
 *
 *     meta   +------------------------------------------------------------------+
 *            | header          lock, geometry, counters, free lists, slots      |  HEADER_BYTES
 *            +------------------------------------------------------------------+  cacheWord(0)
 *            | worker caches   per slot: block numbers, one for each block that |
 *            |                 may be cached, then those of short runs          |
 *            +------------------------------------------------------------------+  waitQueueWord
 *            | wait queue      a ring of MAX_WAITING requests                   |
 *            +------------------------------------------------------------------+  tableWord
 *            | block table     one descriptor for each block                    |
 *            +------------------------------------------------------------------+  depotWord
 *            | depot           one bit for each block, and two levels above     |
 *            +------------------------------------------------------------------+  allocationLogWord
 *            | allocation log  only in a checked pool: an entry for each block, |
 *            |                 then the stacks                                  |
 *            +------------------------------------------------------------------+
 *            | guard page                                                       |
 *     data   +------------------------------------------------------------------+
 *            | block 0 | block 1 | block 2 | …                                  |
 *            +------------------------------------------------------------------+
 *            | guard page                                                       |
 *            +------------------------------------------------------------------+
 *
 * A block is the fixed-size unit of data. A run is one or more adjacent blocks that are free, or handed out, as one.
 * The descriptor of a block is its entry in the block table. Its first word is the tag: the state of the run that
 * starts there, and the number of the worker that has the run.
 *
 * Meta consists of 32-bit words, and of doubles where 32 bits are too few. A constant that names a place is the index
 * of a word, or, if its comment says so, of a double. There are no pointers. Block numbers and word indices are
 * `number`s below 2^31, distances in bytes are `number`s below 2^53.
 *
 * The comments also say when a word is written: once, before the pool is shared; under the lock; by one worker only; or
 * without any of these, by an atomic instruction.
 *
 * @module
 */

// Identification.

/** "mPo1": tells a region from any other memory, and from a region of the other byte order. */
export const MAGIC = 0x316f506d;

/** The version of this format. Increase it with every change to this file that another version would misread. */
export const FORMAT = 10;

/** Stands for "no block", "no slot" or "no place". */
export const NONE = -1;

// The header. Its words 0 to 31 belong to the lock: MEMPOOL_LOCK_BYTES in native/mempool.h. The fast paths read words
// 32 to 63, which are seldom written, so every processor can keep these cache lines. Whatever is written often is on
// other lines.

// Words 32 to 63: geometry, options and modes. Each is written once, unless its comment says otherwise.

/** MAGIC. */
export const HEADER_MAGIC = 32;
/** FORMAT. */
export const HEADER_FORMAT = 33;
/** LIVE, AWAITED or DESTROYED. Changed by an atomic exchange; `destroy` does not hold the lock when it does so. */
export const STATE = 34;
/** Number of blocks that exist. Written under the lock when the pool grows; it never shrinks. */
export const BLOCK_COUNT = 35;
/** 1 if a misuse of `free` only causes a warning. */
export const WARN_ON_MISUSE = 36;
/** Milliseconds that a worker waits for the lock. */
export const LOCK_TIMEOUT = 37;
/** Number of blocks that each worker may cache; 0 turns the caches off. */
export const CACHED_BLOCKS = 38;
/** Number of ArrayBuffers that each worker keeps for reuse. */
export const CACHED_BUFFERS = 39;
/** 1 while workers take from their caches by plain stores, without an atomic instruction. Written under the lock. */
export const PLAIN_CLAIMS = 40;
/** 1 if the system has the barrier that PLAIN_CLAIMS and BIAS_TAG need. */
export const HAS_BARRIER = 41;
/** 1 in a checked pool. */
export const CHECKED = 42;
/** Number of blocks that the pool may grow to. Table, caches and addresses are laid out for this number. */
export const BLOCK_CAPACITY = 43;
/** Checksum of everything in the header that is written once: `headerSum` in src/region/validate.ts. */
export const HEADER_SUM = 44;
/**
 * The CACHED tag of the worker that may free by plain stores because it is the only one, REVOKING while another worker
 * ends that, or 0. Written under the lock: see src/cache/bias.ts.
 */
export const BIAS_TAG = 45;
/** Number of blocks that the pool was made with. */
export const INITIAL_BLOCK_COUNT = 46;
/** Every block starts at a multiple of this number of bytes. */
export const ALIGNMENT = 47;
/** 1 if the pool was made by a name. */
export const NAMED = 50;
/** A double: bytes of a block, a multiple of 16. */
export const BLOCK_SIZE = 24;

/** A value of STATE: the pool is in use, and no request waits. */
export const LIVE = 1;
/** A value of STATE: the memory has gone back to the system, or is about to. */
export const DESTROYED = 2;
/** The state of no region: a pool object that was closed reads it from a private header. */
export const CLOSED = 3;
/** A value of STATE: live, and a request waits for blocks, so no worker takes from its cache or gives to it. */
export const AWAITED = 4;

/**
 * A value of BIAS_TAG: the worker that was biased may still be in the middle of a free. It cannot be mistaken for a
 * tag, because an even number of bits is set in every tag.
 */
export const REVOKING = 1;

// Words 64 to 95: counts of the whole pool. Each is written under the lock, unless its comment says otherwise.

/** Number of the worker inside a critical section, 0 for none. */
export const HOLDER = 64;
/** Number of the next worker to attach. Starts at 1; no number is used twice. Written by an atomic exchange. */
export const NEXT_WORKER = 65;
/** Number of blocks in free runs. */
export const FREE_BLOCKS = 66;
/** No block from this one up was ever handed out or cached, so the system's zeros are still there. */
export const HIGH_WATER = 67;
/** The most blocks that were ever allocated at one time, as of the last `WorkerSlots.settle`. */
export const PEAK_ALLOCATED = 68;
/** One more than the highest slot that ever had a worker. It never shrinks. */
export const SLOTS_USED = 69;
/** Number of blocks in the depot. */
export const DEPOT_COUNT = 70;
/** In a checked pool, the number of the last allocation. Written by an atomic addition. */
export const LAST_SEQUENCE = 71;
/** In a checked pool, how many words for stacks were asked for. Written by an atomic addition, which reserves them. */
export const STACK_LOG_USED = 72;

// Counters for statistics, as doubles.

/** Allocations, except those that a slot still counts. */
export const ALLOCS = 37;
/** Frees, except those that a slot still counts. */
export const FREES = 38;
/** Times that two adjacent runs were joined. */
export const COALESCED = 39;
/** Requests that found no run. */
export const EXHAUSTED = 40;
/** Times that a worker took the lock. */
export const LOCK_ACQUISITIONS = 41;
/** Times that a worker had to wait for the lock. */
export const LOCK_CONTENDED = 42;
/** Times that a worker died while it held the lock. */
export const OWNER_DEATHS = 43;
/** Times that the pool grew. */
export const GROWN = 44;

// The wait queue's places, which count up past the end of the ring: see src/region/wait_queue.ts.

/** The oldest request that is not done. */
export const QUEUE_FIRST = 90;
/** The oldest request that may still wait. */
export const QUEUE_NEXT = 91;
/** One more than the youngest request. */
export const QUEUE_END = 92;

/** HIGH_WATER with every bit inverted, so that one overwritten word is noticed. */
export const HIGH_WATER_INVERTED = 93;
/** BLOCK_COUNT with every bit inverted, for the same reason. */
export const BLOCK_COUNT_INVERTED = 94;

// Words 96 to 927: the free lists, written under the lock.

/** Number of classes into which the lengths from one power of two to the next are divided. */
export const SECOND_LEVELS = 32;
/** The logarithm of SECOND_LEVELS. */
export const SECOND_LEVEL_BITS = 5;
/** Enough first levels for a run of MAX_BLOCKS. */
export const FIRST_LEVELS = 25;
/** Bit f is set if second-level map f is not 0. */
export const FIRST_LEVEL_MAP = 96;
/** FIRST_LEVELS words. Bit s of map f is set if list (f, s) is not empty. */
export const SECOND_LEVEL_MAPS = 97;
/** FIRST_LEVELS * SECOND_LEVELS words: the first run of each list, NONE for an empty list. */
export const LIST_HEADS = 128;

// Words 960 to 5055: the worker slots. Each has two cache lines of its own, so that workers do not write to each
// other's lines.

/** The number of workers that can be attached at one time. */
export const SLOT_COUNT = 128;
/** Words of a slot. */
export const SLOT_WORDS = 32;
/** The first word of slot 0. */
export const SLOTS = 960;

// The words of a slot, counted from its first word, and its doubles, counted from its first double.

// Written under the lock:

/**
 * Number of the worker that has the slot, 0 for a free slot. Stored atomically, because it is also read without the
 * lock.
 */
export const SLOT_WORKER = 0;
/** Entries among SLOT_TOP that are stale, because another worker has recalled their blocks. */
export const SLOT_STALE = 3;
/** Blocks among SLOT_RUN_BLOCKS that another worker has recalled. */
export const SLOT_RUN_BLOCKS_RECALLED = 6;
/** A double: single blocks that came into the cache from free runs and the depot, minus those that went back there. */
export const SLOT_REFILLED = 5;
/** A double: the worker's thread, by the id that the native library gave it. */
export const SLOT_THREAD = 6;
/**
 * The worker's number with every bit inverted once the worker was found dead and what it had cached was taken back; 0
 * before that. It is not 1, because a single wrong bit could turn 0 into 1.
 */
export const SLOT_SWEPT = 14;
/**
 * Checksum of worker and thread, 0 in a free slot. Without it, one corrupted word could make a living worker look dead,
 * or its slot look free.
 */
export const SLOT_SUM = 15;

// Written by the worker that has the slot, without the lock; after its death, under the lock by the worker that takes
// back what it had cached:

/** The block that the worker is about to take from its cache, NONE for none. */
export const SLOT_CLAIM = 1;
/** Number of entries in the cache of single blocks, stale ones included. */
export const SLOT_TOP = 2;
/** The lowest SLOT_TOP since the worker last settled the peak of allocated blocks. */
export const SLOT_LOWEST = 4;
/** Blocks in the short runs that the worker put into its cache, minus those in runs that it took out. */
export const SLOT_RUN_BLOCKS = 5;
/** 1 while the worker frees a block by plain stores. */
export const SLOT_FREEING = 7;
/** A double: single blocks that the worker freed into its cache. */
export const SLOT_GIVEN = 4;
/** A double: short runs that the worker freed into its cache. */
export const SLOT_RUNS_GIVEN = 8;
/** A double: short runs that the worker took from its cache. */
export const SLOT_RUNS_TAKEN = 9;
/** Number of entries in the cache of runs of two blocks. The words after it count runs of three blocks and more. */
export const SLOT_RUN_TOPS = 20;

/** Bytes of the header, a multiple of every page size up to 16 KiB. */
export const HEADER_BYTES = 32_768;

// Worker caches: block numbers. The entries of a cache are written by its worker.

/** The largest CACHED_BLOCKS. It limits the address space that all caches take together. */
export const MAX_CACHED_BLOCKS = 65_536;
/** Runs of two blocks up to this number are short: they are freed without the lock and may be cached. */
export const LONGEST_SHORT_RUN = 9;
/** Entries for short runs of one length in a worker's cache: one cache line. */
export const RUN_ENTRIES = 16;

// The wait queue: a ring of requests, written under the lock.

/** The number of requests that can wait at one time, a power of two. */
export const MAX_WAITING = 16_384;
/** Words of a request. */
export const REQUEST_WORDS = 4;
/** Number of the worker that waits. */
export const REQUEST_WORKER = 0;
/**
 * The block that the request was given, or WAITING or DONE of src/region/wait_queue.ts. The worker that waits also
 * reads it without the lock.
 */
export const REQUEST_BLOCK = 1;
/** Bytes asked for, the low word. */
export const REQUEST_LOW = 2;
/** Bytes asked for, the high word. */
export const REQUEST_HIGH = 3;

// The block table: a descriptor for each block. src/region/runs.ts says how each change is made valid by one store.

/** Words of a descriptor. */
export const DESCRIPTOR_WORDS = 4;
/** The logarithm of DESCRIPTOR_WORDS. */
export const DESCRIPTOR_SHIFT = 2;
/** Number of blocks whose descriptors share a cache line. */
export const LINE_BLOCKS = 4;

// The words of a descriptor. Which worker writes them depends on the state: the table in docs/design.md lists it.

/** A state in the low STATE_BITS bits, above it the number of the worker that has the run, and a parity bit on top. */
export const TAG = 0;
/** In the first block of a run, its length in blocks. In an END_OF_FREE block, the first block of its run. */
export const LENGTH = 1;
/** Valid in the first block of a free run: the run before it in its list, NONE for the first one. */
export const PREVIOUS = 2;
/** Valid in the first block of a free run: the run after it in its list, NONE for the last one. */
export const NEXT = 3;
/** Valid in the first block of an allocated or cached run: bytes asked for last, the low word. */
export const REQUESTED_LOW = 2;
/** Valid in the first block of an allocated or cached run: bytes asked for last, the high word. */
export const REQUESTED_HIGH = 3;

// The states. A tag is valid in the first and in the last block of every run. In the blocks between them it means
// nothing, except that a state from RELEASING up never occurs there. So one look at a tag tells whether a run was
// handed out there.

/** Number of a tag's low bits that hold its state. */
export const STATE_BITS = 4;
/** These bits. */
export const STATE_MASK = 15;
/** Inside a run, or the last block of an allocated or cached one. */
export const INTERIOR = 0;
/** First block of a free run. */
export const FREE = 1;
/** Last block of a free run of two or more blocks. */
export const END_OF_FREE = 2;
/** First block of a run that `freeMany` has claimed and not yet freed. */
export const RELEASING = 3;
/** A single block in a worker's cache, or in the depot with worker number 0. */
export const CACHED = 4;
/** First block of a short run in a worker's cache. */
export const CACHED_RUN = 5;
/** First block of a cached run that its worker has claimed by an exchange and not yet handed out. */
export const TAKING = 6;
/** A single block, handed out. */
export const ALLOCATED = 8;
/** First block of a short run, handed out. */
export const ALLOCATED_SHORT = 9;
/** First block of a longer run, handed out, or of a run that is being resized. It is freed under the lock only. */
export const ALLOCATED_RUN = 10;

// The allocation log of a checked pool: an entry for each block, then the stacks. src/checked/allocation_log.ts says
// which worker writes an entry.

/** Words of an entry. */
export const LOG_ENTRY_WORDS = 5;
/** The number of the block's last allocation, 0 if there was none. */
export const LOG_SEQUENCE = 0;
/** The place of that allocation's stack. */
export const LOG_ALLOCATED_AT = 1;
/** The number of the block's allocation that was freed last. */
export const LOG_FREED = 2;
/** The place of that free's stack. */
export const LOG_FREED_AT = 3;
/** The place of the stack of the allocation that was freed last. */
export const LOG_ENDED_AT = 4;

/** Words for stacks, enough for thousands of them. The system commits this memory only as it is written. */
export const STACK_LOG_WORDS: number = 2 ** 20;

// Bounds.

/** The most blocks of a pool. Every word of its table has an index below 2^31, and an ArrayBuffer of 4 GiB holds it. */
export const MAX_BLOCKS: number = 2 ** 28 - 2 ** 23;
/** The same for a checked pool, whose allocation log takes more than its table. */
export const MAX_CHECKED_BLOCKS: number = 7 * 2 ** 24;
/** The most bytes of a pool. No known system maps more than this for one process. */
export const MAX_BYTES: number = 2 ** 47;
/** The highest worker number. With it, state and worker number of a tag are below 2^31, and the parity bit is free. */
export const MAX_WORKERS: number = 2 ** 27 - 2;
/** The worker number in the tag of an allocated run whose worker died and lost its slot to another worker. */
export const ORPHAN: number = MAX_WORKERS + 1;

/** The word where the entries of a slot's cache start. */
export function cacheWord(slot: number, cachedBlocks: number): number {
  return HEADER_BYTES / Int32Array.BYTES_PER_ELEMENT + slot * cacheStride(cachedBlocks);
}

/** The word where the entries of a slot's cache for short runs of this length start. */
export function runEntriesWord(slot: number, cachedBlocks: number, length: number): number {
  return cacheWord(slot, cachedBlocks) + wholeLines(cachedBlocks) + (length - 2) * RUN_ENTRIES;
}

/** The word where the wait queue starts. */
export function waitQueueWord(cachedBlocks: number): number {
  return cacheWord(SLOT_COUNT, cachedBlocks);
}

/** The word where the block table starts. */
export function tableWord(cachedBlocks: number): number {
  return waitQueueWord(cachedBlocks) + MAX_WAITING * REQUEST_WORDS;
}

/** The word where the block table ends and the depot starts. */
export function depotWord(capacity: number, cachedBlocks: number): number {
  return tableWord(cachedBlocks) + capacity * DESCRIPTOR_WORDS;
}

/** The number of words in each level of the depot, the one with a bit for each block first. */
export function depotLevels(capacity: number): [blocks: number, middle: number, upper: number] {
  const blocks = Math.ceil(capacity / 32);
  const middle = Math.ceil(blocks / 32);
  return [blocks, middle, Math.ceil(middle / 32)];
}

/** The word where the depot ends, and where the allocation log of a checked pool starts. */
export function allocationLogWord(capacity: number, cachedBlocks: number): number {
  // Without caches, all blocks are joined at once.
  const words = cachedBlocks === 0 ? 0 : depotLevels(capacity).reduce((sum, level) => sum + level);
  return depotWord(capacity, cachedBlocks) + words;
}

/** Bytes of meta for a pool that may grow to `capacity` blocks. */
export function metaBytes(capacity: number, cachedBlocks: number, checked: boolean): number {
  const words = allocationLogWord(capacity, cachedBlocks);
  return (checked ? words + capacity * LOG_ENTRY_WORDS + STACK_LOG_WORDS : words) * Int32Array.BYTES_PER_ELEMENT;
}

/** Words of one cache, in whole cache lines, so that no two workers share one. */
function cacheStride(cachedBlocks: number): number {
  return cachedBlocks === 0 ? 0 : wholeLines(cachedBlocks) + (LONGEST_SHORT_RUN - 1) * RUN_ENTRIES;
}

function wholeLines(words: number): number {
  return Math.ceil(words / 16) * 16;
}
