import type { Mapping } from "../runtime/native.ts";
import * as layout from "../region/layout.ts";
import { slotWord } from "../region/worker_slots.ts";
import { makeTag } from "../region/block_table.ts";
import type { Worker } from "./worker.ts";

// Three things here are written for the compilers, and so they are in the other classes that an allocation goes through.
// V8 folds a module's own constants into the code, but loads imported ones anew at each use: 5 ns a call. Fields are private
// by TypeScript's word, not by #: an access by # takes three bytecodes, so that less is inlined, and JavaScriptCore needs
// twice the time for the whole call. And fields are declared, so that their only value is the one that the constructor
// gives them. What is written as a field starts out as undefined, and neither engine takes for a constant what was ever
// replaced. Where the pool is one, as that of a module or of a closure mostly is, everything here becomes one then, down to
// the addresses: that halves the time of a pair.
const STATE = layout.STATE;
const LIVE = layout.LIVE;
const NONE = layout.NONE;
const ALLOCATED = layout.ALLOCATED;
const STATE_MASK = layout.STATE_MASK;
const DESCRIPTOR_SHIFT = layout.DESCRIPTOR_SHIFT;
const DESCRIPTOR_WORDS = layout.DESCRIPTOR_WORDS;
const REQUESTED_LOW = layout.REQUESTED_LOW;
const PLAIN_CLAIMS = layout.PLAIN_CLAIMS;
const BIAS_TAG = layout.BIAS_TAG;

/**
 * A worker's cache of single blocks: a stack of block numbers, which only this worker moves, so that most calls need
 * no lock. The truth about a block is its tag, not its entry: CACHED with this worker's number.
 *
 * `give` turns ALLOCATED into CACHED by one exchange: of several that free a block, one wins it. A worker that is alone in
 * its pool has no rival, and does it by plain stores, see src/cache/bias.ts.
 *
 * `take` turns CACHED into ALLOCATED. The only rival is a worker that found the pool exhausted and recalls what others
 * have cached. That is rare, so it bears the cost, and as long as PLAIN_CLAIMS is 1 `take` has no atomic instruction:
 *
 *     take                                        recall, under the lock
 *     1  claim = block                            A  PLAIN_CLAIMS = 0, unless it is
 *     2  PLAIN_CLAIMS = 1 and tag CACHED?         B  if it was 1, barrier: every thread passes a full memory barrier
 *     3  tag = ALLOCATED                          C  claim === block? then leave this block alone
 *     4  claim = NONE                             D  else tag: CACHED -> FREE, by exchange
 *
 * Where 2 finds PLAIN_CLAIMS to be 0, it goes on by an exchange of the tag, and no such claim can go wrong. So look at a
 * claim that found 1. It read that before its thread passed the barrier, for afterwards it reads 0. Then C, which comes
 * after the barrier, sees the claim of 1 and leaves the block alone, or it sees 4, and then D's exchange sees 3 and fails.
 * So no block is handed out twice, and none is lost. That no thread sees 2 before 1, once the barrier is passed, nor 4
 * before 3, is what the processor gives (x86-64 shows stores in their order, and B undoes the one thing that it does
 * change, a load that overtakes an earlier store), and what the engines give, which keep reads and writes of one typed
 * array in the program's order, and leave none of them out. Elsewhere PLAIN_CLAIMS is always 0.
 *
 * The barrier takes microseconds where other threads are busy. So a pool that was exhausted once stays with exchanges,
 * and recalls without a barrier, until there is plenty again: see `Supply`.
 *
 * Where somebody waits for a block, the pool's state is AWAITED, and both leave it to the slow path. `take` may be in the
 * middle of it then: what it takes is not free, as if it had been taken before. `give` must not leave a block in the cache,
 * where nobody looks any more: so it reads the state in the end, and undoes what it did if that is not LIVE. The waiting
 * worker has set the state, passed the same barrier as above, and looked at this cache afterwards. If `give` read LIVE, then
 * before that barrier; so its entry was there to be seen.
 *
 * A worker may die after any step. Before 3 the block is still cached, between 3 and the store of the new top its entry
 * is stale, and stale entries are skipped.
 */
export class BlockCache {
  declare private readonly mapping: Pick<Mapping, "exchange">;
  /**
   * To the end of the table. So an entry that was overwritten leads to no tag of this worker's: what would lie behind reads as
   * undefined, without a check that `take` would have to pay for. Hence a product there, and no shift, which would drop bits.
   */
  declare private readonly meta: Int32Array;
  /** From the counter of what was given. */
  declare private readonly given: Float64Array;
  /** LIVE where the barrier makes plain words enough to tell; else no state at all. */
  declare readonly surelyLive: number;
  declare private readonly capacity: number;
  /** Entries that there may be: the capacity, less the blocks in short runs that src/cache/run_cache.ts keeps. */
  declare room: number;
  /** Bytes of the longest request that it serves: as many as a block has, or an integer can say; 0 once it is closed. */
  declare private longest: number;
  declare private readonly blockSize: number;
  declare private readonly blockCapacity: number;
  /** Bits of a block's size where it is a power of two and every offset fits 31 bits; else -1. */
  declare private readonly shift: number;
  declare private readonly perByte: number;
  // Where things lie in `meta`.
  declare private readonly claimed: number;
  declare private readonly top: number;
  declare private readonly lowest: number;
  declare private readonly freeing: number;
  declare private readonly runBlocks: number;
  declare private readonly runBlocksRecalled: number;
  declare private readonly entries: number;
  declare private readonly table: number;
  declare private readonly cachedTag: number;
  declare private readonly takingTag: number;
  declare private readonly allocatedTag: number;

  constructor({ mapping, region, slot, number }: CacheWorker) {
    this.mapping = mapping;
    const capacity = region.header[layout.CACHED_BLOCKS]!;
    this.meta = region.meta.subarray(0, layout.allocationLogWord(region.table.capacity, capacity));
    this.surelyLive = region.header[layout.HAS_BARRIER] === 1 ? LIVE : NONE;
    this.capacity = capacity;
    this.room = capacity;
    this.longest = Math.min(region.blockSize, 2 ** 31 - 1);
    this.blockSize = region.blockSize;
    this.blockCapacity = region.table.capacity;
    this.shift = shiftFor(region.blockSize, this.blockCapacity);
    this.perByte = 1 / region.blockSize;
    const words = slotWord(slot);
    this.claimed = words + layout.SLOT_CLAIM;
    this.top = words + layout.SLOT_TOP;
    this.lowest = words + layout.SLOT_LOWEST;
    this.freeing = words + layout.SLOT_FREEING;
    this.runBlocks = words + layout.SLOT_RUN_BLOCKS;
    this.runBlocksRecalled = words + layout.SLOT_RUN_BLOCKS_RECALLED;
    this.entries = layout.cacheWord(slot, this.capacity);
    this.table = layout.tableWord(this.capacity);
    this.given = region.counters.subarray(words / 2 + layout.SLOT_GIVEN);
    this.cachedTag = makeTag(layout.CACHED, number);
    this.takingTag = makeTag(layout.TAKING, number);
    this.allocatedTag = makeTag(ALLOCATED, number);
  }

  /**
   * Hands out a cached block. NONE where the slow path has to look: what was asked for is no number of bytes that a
   * block holds, the pool is no longer live, the cache is empty, or its last entry is in question.
   */
  take(bytes: number): number {
    const meta = this.meta;
    const top = meta[this.top]! - 1;
    if (top < 0 || meta[STATE] !== LIVE || typeof bytes !== "number") return NONE;
    if ((bytes | 0) !== bytes || bytes < 1 || bytes > this.longest) return NONE;
    const block = meta[this.entries + top]!;
    if (!this.claim(block, bytes, this.cachedTag, this.allocatedTag)) return NONE;
    meta[this.top] = top;
    if (top < meta[this.lowest]!) meta[this.lowest] = top;
    return block;
  }

  /**
   * Puts an allocated single block into the cache. False where the slow path has to look, as for `take`. The state is looked at
   * last, see above: a destroyed pool's table is zeros, or what is done here is undone.
   */
  give(block: number): boolean {
    const meta = this.meta;
    const word = this.table + (block << DESCRIPTOR_SHIFT);
    const tag = meta[word]!;
    const top = meta[this.top]!;
    if ((tag & STATE_MASK) !== ALLOCATED || top >>> 0 >= this.room) return false;
    // The steps of src/cache/bias.ts; in a function of their own JavaScriptCore would call it.
    meta[this.freeing] = 1;
    if (meta[BIAS_TAG] === this.cachedTag) {
      meta[word] = this.cachedTag;
      meta[this.freeing] = 0;
    } else {
      meta[this.freeing] = 0;
      if (this.mapping.exchange(word, tag, this.cachedTag) !== tag) return false;
    }
    meta[this.entries + top] = block;
    meta[this.top] = top + 1;
    if (meta[STATE] !== this.surelyLive && this.undoUnlessLive(word, tag)) return false;
    this.given[0]!++;
    return true;
  }

  /** `give` for the block that starts at an offset; false also where none does. */
  giveAt(offset: number): boolean {
    if (typeof offset !== "number") return false;
    const block = this.blockAt(offset);
    return block >= 0 && block < this.blockCapacity && this.give(block);
  }

  /** The block that starts at an offset; out of range where none does. */
  private blockAt(offset: number): number {
    if (this.shift >= 0) {
      const block = offset >> this.shift;
      return block << this.shift === offset ? block : NONE;
    }
    // Multiplying is faster than dividing; what it rounds, comparing finds.
    const block = (offset * this.perByte + 0.5) | 0;
    return block * this.blockSize === offset ? block : NONE;
  }

  /** Turns a block of this cache from the one tag into the other; says whether it had the one. The steps of `take`, above. */
  claim(block: number, bytes: number, cachedTag: number, allocatedTag: number): boolean {
    const meta = this.meta;
    const word = this.table + block * DESCRIPTOR_WORDS;
    meta[this.claimed] = block;
    if (meta[PLAIN_CLAIMS] === 0 || meta[word] !== cachedTag) {
      return this.claimByExchange(word, bytes, cachedTag, allocatedTag);
    }
    meta[word + REQUESTED_LOW] = bytes;
    meta[word] = allocatedTag;
    meta[this.claimed] = NONE;
    return true;
  }

  /**
   * For the end of a `give` where plain words do not tell that the pool is live: there the new number of entries is seen by
   * others before the state is read.
   */
  isLive(topWord: number): boolean {
    const meta = this.meta;
    Atomics.store(meta, topWord, meta[topWord]!);
    return Atomics.load(meta, STATE) === LIVE;
  }

  /**
   * Takes back what `give` has done, for the slow path to do it in full. Says whether it could: where the block was recalled
   * in the meantime, it is free.
   */
  undo(word: number, tag: number, cachedTag: number, topWord: number): boolean {
    if (this.mapping.exchange(word, cachedTag, tag) !== cachedTag) return false;
    this.meta[topWord]!--;
    return true;
  }

  /** Makes the room what short runs in this cache leave now; returns it. */
  settleRoom(): number {
    const { meta, capacity } = this;
    const taken = (meta[this.runBlocks]! - meta[this.runBlocksRecalled]!) | 0;
    this.room = taken >= 0 && taken <= capacity ? capacity - taken : capacity;
    return this.room;
  }

  /** For good: from now on it has nothing and takes nothing, and touches nothing of the region. */
  close(): void {
    this.longest = 0;
    this.room = 0;
  }

  private undoUnlessLive(word: number, tag: number): boolean {
    return !this.isLive(this.top) && this.undo(word, tag, this.cachedTag, this.top);
  }

  /** Or the block could not be recalled for as long as this worker takes no other. */
  private giveUp(): false {
    this.meta[this.claimed] = NONE;
    return false;
  }

  /**
   * In two steps: were the block ALLOCATED at once, another worker could free it by mistake before its words are written,
   * and these would then be the links of a list. TAKING is for nobody else to change.
   */
  private claimByExchange(word: number, bytes: number, cachedTag: number, allocatedTag: number): boolean {
    const meta = this.meta;
    // Looked at first: where an entry was overwritten, the word may lie anywhere.
    if (meta[word] !== cachedTag) return this.giveUp();
    if (this.mapping.exchange(word, cachedTag, this.takingTag) !== cachedTag) return this.giveUp();
    meta[word + REQUESTED_LOW] = bytes;
    Atomics.store(meta, word, allocatedTag);
    meta[this.claimed] = NONE;
    return true;
  }
}

/** What a cache needs of a worker. */
export type CacheWorker = Pick<Worker, "region" | "slot" | "number"> & { readonly mapping: Pick<Mapping, "exchange"> };

function shiftFor(blockSize: number, blockCapacity: number): number {
  const shift = 31 - Math.clz32(blockSize);
  return 2 ** shift === blockSize && blockCapacity * blockSize <= 2 ** 31 ? shift : -1;
}
