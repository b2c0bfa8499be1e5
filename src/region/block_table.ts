import * as layout from "./layout.ts";

// Constants of this module: rule 1 in src/cache/block_cache.ts.
const {
  ALLOCATED,
  ALLOCATED_RUN,
  ALLOCATED_SHORT,
  BLOCK_COUNT,
  CACHED,
  CACHED_RUN,
  DESCRIPTOR_SHIFT,
  END_OF_FREE,
  FREE,
  INTERIOR,
  LENGTH,
  LINE_BLOCKS,
  LONGEST_SHORT_RUN,
  NEXT,
  NONE,
  ORPHAN,
  PREVIOUS,
  REQUESTED_HIGH,
  REQUESTED_LOW,
  STATE_BITS,
  STATE_MASK,
  TAG,
  TAKING,
} = layout;

const TWO_32 = 2 ** 32;

// A number of bytes takes two words. These functions are here because `requested` takes a nanosecond longer on V8 if it
// imports them.

export function highWord(bytes: number): number {
  return Math.floor(bytes / TWO_32);
}

export function fromWords(low: number, high: number): number {
  return high * TWO_32 + (low >>> 0);
}

/** Bit n, from 0 to 15, is 1 if an odd number of bits is set in n. */
const ODD_FOURS = 0x6996;

/** The tag for a state and a worker number. Its highest bit is a parity bit, so an even number of bits is set. */
export function makeTag(state: number, worker: number): number {
  const tag = state | (worker << STATE_BITS);
  let bits = tag ^ (tag >>> 16);
  bits ^= bits >>> 8;
  bits ^= bits >>> 4;
  return tag | (ODD_FOURS >>> (bits & 15)) << 31;
}

/** The tag of every block in the depot, which belongs to no worker: worker numbers start at 1. */
export const IN_DEPOT: number = makeTag(CACHED, 0);

export function stateOf(tag: number): number {
  return tag & STATE_MASK;
}

export function workerOf(tag: number): number {
  return (tag << 1) >>> (STATE_BITS + 1);
}

export function isAllocated(tag: number): boolean {
  const state = tag & STATE_MASK;
  return state >= ALLOCATED && state <= ALLOCATED_RUN;
}

/** Whether a run of this state is in a worker's cache or in the depot, or is being taken from a cache. */
export function isCached(state: number): boolean {
  return state >= CACHED && state <= TAKING;
}

/** Whether the state is one that a cached run of this length has. */
export function isCachedAs(state: number, length: number): boolean {
  if (state === TAKING) return length <= LONGEST_SHORT_RUN;
  return length === 1 ? state === CACHED : length <= LONGEST_SHORT_RUN && state === CACHED_RUN;
}

/**
 * The state that users see. A run that `freeMany` is releasing counts as allocated, and a block in the depot as free.
 */
export function usageOf(tag: number): "allocated" | "free" | "cached" {
  const state = tag & STATE_MASK;
  if (state === FREE || tag === IN_DEPOT) return "free";
  return isCached(state) ? "cached" : "allocated";
}

/** The owner that users see: the number of a worker, or 0 for a run without an owner. */
export function ownerOf(tag: number): number {
  const worker = workerOf(tag);
  return worker === ORPHAN ? 0 : worker;
}

/** The state of an allocated run of this length. */
export function allocatedState(length: number): number {
  if (length === 1) return ALLOCATED;
  return length <= LONGEST_SHORT_RUN ? ALLOCATED_SHORT : ALLOCATED_RUN;
}

/**
 * The block table: reads and writes of single descriptors. It knows neither the lock nor the native library. Every
 * store goes through `set` or `exchangeTag`, so that tests can interrupt an operation at each of its stores.
 */
export class BlockTable {
  /** Number of descriptors. The pool may have fewer blocks now: see `blockCount`. */
  declare readonly capacity: number;
  declare readonly words: Int32Array;
  declare private readonly header: Int32Array;

  constructor(words: Int32Array, header: Int32Array, capacity: number) {
    this.words = words;
    this.header = header;
    this.capacity = capacity;
  }

  /** Number of blocks that exist; never more than there are descriptors, even if the header is corrupted. */
  get blockCount(): number {
    return Math.min(this.header[BLOCK_COUNT]!, this.capacity);
  }

  get(block: number, field: number): number {
    return this.words[(block << DESCRIPTOR_SHIFT) + field]!;
  }

  set(block: number, field: number, value: number): void {
    this.words[(block << DESCRIPTOR_SHIFT) + field] = value;
  }

  /** Replaces the tag if it still is `expected`, and returns whether it was. Of workers that race, one succeeds. */
  exchangeTag(block: number, expected: number, tag: number): boolean {
    return Atomics.compareExchange(this.words, block << DESCRIPTOR_SHIFT, expected, tag) === expected;
  }

  /** Makes a worker the owner of an allocated run. Returns the bytes asked for, or 0 if the run is not allocated. */
  adopt(block: number, worker: number): number {
    // If another worker adopts the run at the same moment, the exchange fails, and the next round sees the new tag.
    for (let tag = this.loadTag(block); isAllocated(tag); tag = this.loadTag(block)) {
      const adopted = makeTag(stateOf(tag), worker);
      if (tag !== adopted && !this.exchangeTag(block, tag, adopted)) continue;
      const bytes = this.requested(block);
      // Only this worker writes this tag, so if it is unchanged, the run was allocated all the time. If it has changed,
      // the run was freed meanwhile, and the words that were read may be links of a free list.
      if (this.loadTag(block) === adopted) return bytes;
    }
    return 0;
  }

  /**
   * Replaces the tag of an allocated run by `claimed`, in one exchange that only one worker can win. Returns the tag
   * that it replaced, or 0 if the run is not allocated.
   */
  claim(block: number, claimed: number): number {
    for (let tag = this.loadTag(block); isAllocated(tag); tag = this.loadTag(block)) {
      if (this.exchangeTag(block, tag, claimed)) return tag;
    }
    return 0;
  }

  /** The tag, by an atomic read: for words that another worker may change without the lock. */
  loadTag(block: number): number {
    return Atomics.load(this.words, block << DESCRIPTOR_SHIFT);
  }

  tag(block: number): number {
    return this.get(block, TAG);
  }

  length(block: number): number {
    return this.get(block, LENGTH);
  }

  isFree(block: number): boolean {
    return this.get(block, TAG) === FREE;
  }

  /**
   * Whether a worker that gets this block would share its cache line of the table with other workers: processors that
   * write to one line wait for each other. This is an estimate, because tags inside runs mean nothing and other workers
   * change tags meanwhile.
   */
  isContested(block: number, worker: number): boolean {
    const first = block - block % LINE_BLOCKS;
    const end = Math.min(first + LINE_BLOCKS, this.blockCount);
    for (let near = first; near < end; near++) {
      const owner = ownerOf(this.tag(near));
      if (owner !== 0 && owner !== worker) return true;
    }
    return false;
  }

  requested(block: number): number {
    return fromWords(this.get(block, REQUESTED_LOW), this.get(block, REQUESTED_HIGH));
  }

  /** Whether the run at `block` lies in the table and has exactly the length that the bytes asked for need. */
  hasExactLength(block: number, blockSize: number): boolean {
    const words = this.words;
    const word = block << DESCRIPTOR_SHIFT;
    const length = words[word + LENGTH]!;
    const room = length * blockSize - words[word + REQUESTED_HIGH]! * TWO_32 - (words[word + REQUESTED_LOW]! >>> 0);
    return room >= 0 && room < blockSize && length <= this.blockCount - block;
  }

  setRequested(block: number, bytes: number): void {
    this.set(block, REQUESTED_LOW, bytes | 0);
    this.set(block, REQUESTED_HIGH, highWord(bytes));
  }

  /** Describes a free run at both ends. Either no walk reaches `first` yet, or the run there is free already. */
  describeFree(first: number, length: number): void {
    this.set(first, TAG, FREE);
    this.set(first, LENGTH, length);
    this.markFreeEnd(first, length);
  }

  /** Makes the last block of a free run point back to the first, so that the run on the right can find it. */
  markFreeEnd(first: number, length: number): void {
    if (length === 1) return;
    this.set(first + length - 1, TAG, END_OF_FREE);
    this.set(first + length - 1, LENGTH, first);
  }

  /** Makes the last block of an allocated run say that no free run ends there. */
  markAllocatedEnd(first: number, length: number): void {
    if (length > 1) this.set(first + length - 1, TAG, INTERIOR);
  }

  /** Hands out the free run at `first`. The last store makes the change valid. */
  markAllocated(first: number, length: number, requested: number, worker: number): void {
    this.setRequested(first, requested);
    this.markAllocatedEnd(first, length);
    this.set(first, TAG, makeTag(allocatedState(length), worker));
  }

  /**
   * Describes a single block in a worker's cache, whose tag is `tag`. One byte asked for is a valid number, and the
   * fast path of `alloc` only has to store the low word.
   */
  describeCached(block: number, tag: number): void {
    this.set(block, REQUESTED_LOW, 1);
    this.set(block, REQUESTED_HIGH, 0);
    this.set(block, LENGTH, 1);
    this.set(block, TAG, tag);
  }

  /** First block of the free run that ends right before `block`, or NONE. */
  freeRunBefore(block: number): number {
    if (block === 0) return NONE;
    const tag = this.get(block - 1, TAG);
    if (tag === FREE) return block - 1;
    return tag === END_OF_FREE ? this.get(block - 1, LENGTH) : NONE;
  }

  /** First block of the free run that starts at `block`, or NONE. */
  freeRunAt(block: number): number {
    return block < this.blockCount && this.get(block, TAG) === FREE ? block : NONE;
  }

  previous(block: number): number {
    return this.get(block, PREVIOUS);
  }

  next(block: number): number {
    return this.get(block, NEXT);
  }
}
