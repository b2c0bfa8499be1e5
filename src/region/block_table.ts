import {
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
} from "./layout.ts";

const TWO_32 = 2 ** 32;

// A number of bytes stands in two words. Imported from elsewhere, these would cost `requested` a nanosecond more on V8.

export function highWord(bytes: number): number {
  return Math.floor(bytes / TWO_32);
}

export function fromWords(low: number, high: number): number {
  return high * TWO_32 + (low >>> 0);
}

/** Bit n is set where the number n has an odd number of bits, for numbers of four bits. */
const ODD_FOURS = 0x6996;

/** A tag: what the block is and which worker has it. Its highest bit makes the number of bits that are set an even one. */
export function makeTag(state: number, worker: number): number {
  const tag = state | (worker << STATE_BITS);
  let bits = tag ^ (tag >>> 16);
  bits ^= bits >>> 8;
  bits ^= bits >>> 4;
  return tag | (ODD_FOURS >>> (bits & 15)) << 31;
}

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

/** Whether a run of this state is in a worker's cache, or just on its way out. */
export function isCached(state: number): boolean {
  return state >= CACHED && state <= TAKING;
}

/** Whether a run of this state and length can be in a worker's cache, or just on its way out. */
export function isCachedAs(state: number, length: number): boolean {
  if (state === TAKING) return length <= LONGEST_SHORT_RUN;
  return length === 1 ? state === CACHED : length <= LONGEST_SHORT_RUN && state === CACHED_RUN;
}

/** What a run counts as to users. */
export function usageOf(tag: number): "allocated" | "free" | "cached" {
  const state = tag & STATE_MASK;
  if (state === FREE) return "free";
  return isCached(state) ? "cached" : "allocated";
}

/** The number of the worker that users are told; 0 where the block is nobody's. */
export function ownerOf(tag: number): number {
  const worker = workerOf(tag);
  return worker === ORPHAN ? 0 : worker;
}

/** The tag's state for a run of this many blocks that is handed out. */
export function allocatedState(length: number): number {
  if (length === 1) return ALLOCATED;
  return length <= LONGEST_SHORT_RUN ? ALLOCATED_SHORT : ALLOCATED_RUN;
}

/**
 * The block table: descriptors and what happens to one of them. Pure words: it knows neither the lock nor the
 * library, and every store goes through `set` or `exchangeTag`, where a test can stand.
 */
export class BlockTable {
  /** Blocks that the words are enough for; the header says how many of them there are. */
  declare readonly capacity: number;
  declare readonly words: Int32Array;
  declare private readonly header: Int32Array;

  constructor(words: Int32Array, header: Int32Array, capacity: number) {
    this.words = words;
    this.header = header;
    this.capacity = capacity;
  }

  /** How many there are; never more than there may be, whatever the header says. */
  get blockCount(): number {
    return Math.min(this.header[BLOCK_COUNT]!, this.capacity);
  }

  get(block: number, field: number): number {
    return this.words[(block << DESCRIPTOR_SHIFT) + field]!;
  }

  set(block: number, field: number, value: number): void {
    this.words[(block << DESCRIPTOR_SHIFT) + field] = value;
  }

  /** Sets the tag if it still is `expected`; says whether it did. Decides between workers that race for a block. */
  exchangeTag(block: number, expected: number, tag: number): boolean {
    return Atomics.compareExchange(this.words, block << DESCRIPTOR_SHIFT, expected, tag) === expected;
  }

  /** Makes a worker the owner of an allocated run. Returns the bytes that were asked for, 0 when it is not one. */
  adopt(block: number, worker: number): number {
    // Another worker may adopt it at the same moment: then the tag has changed, and the block is as good.
    for (let tag = this.loadTag(block); isAllocated(tag); tag = this.loadTag(block)) {
      const adopted = makeTag(stateOf(tag), worker);
      if (tag !== adopted && !this.exchangeTag(block, tag, adopted)) continue;
      const bytes = this.requested(block);
      // Only that worker writes this tag. If it has gone, the block was freed, and what was read may be links of a list.
      if (this.loadTag(block) === adopted) return bytes;
    }
    return 0;
  }

  /**
   * Turns the tag of an allocated run into this one, in one step that only one worker can win. Returns the tag before, or 0
   * when the run is not allocated.
   */
  claim(block: number, claimed: number): number {
    for (let tag = this.loadTag(block); isAllocated(tag); tag = this.loadTag(block)) {
      if (this.exchangeTag(block, tag, claimed)) return tag;
    }
    return 0;
  }

  /** The tag as other workers see it now. */
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
   * Whether a worker would write to the same cache line as others, had it this block: two processors that write to a line
   * wait for each other. A glance, which means nothing inside of runs, nor when others change tags meanwhile.
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

  /** Whether the run at `block` lies in the table and is as long as what was asked for needs, and no longer. */
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

  /** Describes a free run where no walk sees it yet, or where it already is one. Both ends tell the truth. */
  describeFree(first: number, length: number): void {
    this.set(first, TAG, FREE);
    this.set(first, LENGTH, length);
    this.markFreeEnd(first, length);
  }

  /** Lets the last block of a free run point back to its first, which is how its right neighbour finds it. */
  markFreeEnd(first: number, length: number): void {
    if (length === 1) return;
    this.set(first + length - 1, TAG, END_OF_FREE);
    this.set(first + length - 1, LENGTH, first);
  }

  /** Lets the last block of an allocated run say that no free run ends here. */
  markAllocatedEnd(first: number, length: number): void {
    if (length > 1) this.set(first + length - 1, TAG, INTERIOR);
  }

  /** Hands out the free run at `first`: the last store makes it true. */
  markAllocated(first: number, length: number, requested: number, worker: number): void {
    this.setRequested(first, requested);
    this.markAllocatedEnd(first, length);
    this.set(first, TAG, makeTag(allocatedState(length), worker));
  }

  /**
   * Describes a single block of a worker's cache, by the tag of such. Both words of `requested` are plausible before it is
   * ever used.
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
