import type { Mapping } from "../runtime/native.ts";
import * as layout from "../region/layout.ts";
import { slotWord } from "../region/worker_slots.ts";
import { makeTag } from "../region/block_table.ts";
import type { Worker } from "./worker.ts";

// This class, and every other class that an allocation passes through, follows four rules for the compilers:
//
// 1. The module has constants of its own for what it needs of src/region/layout.ts. V8 folds a module's own constants into
//    the code, but loads an imported one at each use, which costs 5 ns a call. So do the modules that handle many blocks
//    under the lock, where it costs a third of the time.
// 2. Fields are `private`, not `#`. An access by `#` takes three bytecodes, so V8 inlines less, and JavaScriptCore
//    needs twice the time for the whole call.
// 3. Fields are declared, and assigned once, in the constructor. Without `declare`, a field without a value starts out
//    as undefined, and the engines fold only fields that are assigned once.
// 4. The fast paths have few bytecodes. V8 inlines at most 920 bytes of them into one function. What is compiled already
//    counts 1.2 times, with all that was inlined into it. So what is read twice is a local, and a comparison has its
//    local on the left, which saves a register. tests/api/inlining_test.ts checks the outcome.
//
// A program usually keeps its pool in a constant of a module or a closure. Then the engines fold everything that the
// pool refers to, down to the addresses, which halves the time of a pair of alloc and free.
const {
  ALLOCATED,
  BIAS_TAG,
  DESCRIPTOR_SHIFT,
  DESCRIPTOR_WORDS,
  LIVE,
  NONE,
  PLAIN_CLAIMS,
  REQUESTED_LOW,
  STATE,
  STATE_MASK,
} = layout;

/** The share of a worker's cache that is reserved for single blocks. */
const FOR_SINGLES = 1 / 4;

/** The limit of a new cache: enough for a hundred calls without the lock. */
export const FIRST_LIMIT = 256;

/**
 * A worker's cache of single blocks: a stack of block numbers that only this worker moves, so most calls need no lock.
 * The tag is the truth about a block, not its entry in the stack: a block is cached here if its tag is CACHED with this
 * worker's number. An entry whose block has another tag is stale, and is skipped.
 *
 * `give` turns the tag from ALLOCATED to CACHED by one exchange. If several workers free a block, one of them wins the
 * exchange. A worker that is alone in its pool has no rival and uses plain stores: see src/cache/bias.ts.
 *
 * # Take and recall
 *
 * `take` turns the tag from CACHED to ALLOCATED. Its only rival is a worker that found the pool exhausted and recalls
 * what other workers have cached. A recall is rare, so it bears the cost: while PLAIN_CLAIMS is 1, `take` has no atomic
 * instruction. The steps have the names that docs/design.md gives them:
 *
 *     take, by the worker of the cache            recall, by another worker under the lock
 *     T1  claim = block                           R1  PLAIN_CLAIMS = 0, unless it is 0
 *     T2  is PLAIN_CLAIMS 1 and the tag CACHED?   R2  if it was 1, barrier: every thread passes a full memory barrier
 *     T3  the bytes, then tag = ALLOCATED         R3  read the claim; leave the claimed block alone
 *     T4  the new top, then claim = NONE          R4  every other entry: exchange the tag, FREE for CACHED
 *
 * No block is handed out twice:
 *
 * 1. If T2 finds PLAIN_CLAIMS to be 0, `take` continues with an exchange of the tag. Of that exchange and R4, one
 *    fails.
 * 2. Otherwise T2 read 1. From the barrier that followed the store of 0, in this recall or in an earlier one, to the
 *    end of the recall, the thread would have read 0. So T2 precedes that barrier. (A T2 after the recall sees the tags
 *    of R4.)
 * 3. T1 precedes T2, so it precedes the barrier too, and R3 follows the barrier. So R3 sees the store of T1 or a later
 *    one.
 * 4. If R3 sees the store of T1, the recall leaves the block alone, and `take` has it.
 * 5. If R3 sees a later store to the claim, T4 has happened, so T3 is visible too. R4 expects CACHED, finds another
 *    tag, and fails. If R4 finds CACHED, the block has been freed into the cache again since, and recalling it is
 *    right.
 *
 * No block is lost: a block that R3 leaves alone is taken, or is still cached.
 *
 * The points above rest on this:
 *
 * - PLAIN_CLAIMS changes under the lock only, so it does not return to 1 during a recall.
 * - An x86-64 processor makes the stores of a thread visible in their order, so no thread sees T4 before T3. The
 *   processor reorders one thing: the load of T2 may overtake the store of T1. The barrier makes every store before it
 *   visible.
 * - The engines keep reads and writes of one typed array in the program's order, and leave out none of these.
 * - On other processors, and where the system has no such barrier, PLAIN_CLAIMS is always 0.
 *
 * A barrier takes microseconds while other threads are busy. So a pool that was exhausted once stays with exchanges,
 * and later recalls need no barrier, until a refill finds plenty of free blocks: see `Refiller`.
 *
 * # Give, while requests wait
 *
 * While a request waits for a block, the pool's state is AWAITED, and both `take` and `give` leave their work to the
 * slow path. Either may be in the middle of its steps when the state changes.
 *
 * - A `take` may go on. The block that it takes is not free, as if it had been taken before the change.
 * - A `give` must not leave its block in the cache, where no call would look for it. So it reads the state last:
 *
 *     give                                        allocAsync, under the lock
 *     G1  tag = CACHED                            W1  STATE = AWAITED
 *     G2  the entry, then the new top             W2  barrier
 *     G3  is STATE still LIVE?                    W3  recall: read the top and the entries of every cache
 *     G4  if not: undo, and leave it to the slow path
 *
 * 1. If G3 reads LIVE, its thread read that before it passed the barrier W2. So G2 precedes the barrier, and W3 sees
 *    the entry.
 * 2. Otherwise G4 exchanges the tag back and drops the entry. The slow path frees the block under the lock, which
 *    serves the request. If the exchange fails, a recall has freed the block already.
 * 3. Where the system has no barrier, G2 stores the top and G3 reads the state by sequentially consistent operations.
 *    So G3 sees AWAITED, or W3 sees the new top.
 *
 * # Calls that throw
 *
 * `alloc` may throw after T4: the runtime makes no buffer, or the stack is full. Then it notes the block in `undelivered` and
 * sets `longest` to 0, by plain stores, because it can call nothing near the end of the stack. So the next `take` leaves its
 * work to the slow path, which first frees the block: see `Allocator.freeUndelivered`. Between T3 and the end of `take`
 * nothing is called, so nothing can throw.
 *
 * # Deaths
 *
 * A worker may die after any step:
 *
 * - Before T3 the block is still cached. Between T3 and the store of the new top its entry is stale.
 * - Between G1 and the store of the new top the block is cached without an entry. What dead workers have cached is
 *   found by its tags: see `Reaper`.
 */
export class BlockCache {
  declare private readonly mapping: Pick<Mapping, "exchange">;
  /**
   * Ends where the block table ends. So a corrupted entry never matches this worker's tag: a word beyond the end reads
   * as undefined, which saves `take` a check. `claim` multiplies to find the word, because a shift would drop high
   * bits.
   */
  declare private readonly meta: Int32Array;
  /** The slot's counters, from the one of the blocks that were freed into this cache. */
  declare private readonly given: Float64Array;
  /**
   * The state for which a plain read at the end of `give` is enough: LIVE if there is a barrier, else no state at all.
   */
  declare readonly plainLive: number;
  declare private readonly capacity: number;
  /** How many blocks the cache may hold at present, those in short runs included. From FIRST_LIMIT to the capacity. */
  declare private limit: number;
  /** How many entries there may be: the limit, less the blocks in the short runs that src/cache/run_cache.ts keeps. */
  declare room: number;
  /**
   * The longest request in bytes that it serves: a block's size, but no more than 2^31 - 1. 0 while a block is
   * undelivered, and once it is closed.
   */
  declare longest: number;
  /** A block that `take` handed out to a call that then threw. NONE if there is none. */
  declare undelivered: number;
  declare private readonly blockSize: number;
  declare private readonly blockCapacity: number;
  /** The logarithm of the block size if that is a power of two and every offset is below 2^31; else -1. */
  declare private readonly shift: number;
  declare private readonly perByte: number;
  // Places in `meta`.
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
    this.meta = region.meta.subarray(0, layout.depotWord(region.table.capacity, capacity));
    this.plainLive = region.header[layout.HAS_BARRIER] === 1 ? LIVE : NONE;
    this.capacity = capacity;
    this.limit = Math.min(capacity, FIRST_LIMIT);
    this.room = this.limit;
    this.undelivered = NONE;
    this.longest = longestFor(region.blockSize);
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
   * Hands out a cached block. Returns NONE if the slow path has to decide: the argument is no number of bytes that a
   * block holds, the state is not LIVE, the cache is empty, or its top entry is stale.
   */
  take(bytes: number): number {
    const { meta, top: topWord, lowest } = this;
    const top = meta[topWord]! - 1;
    const block = meta[this.entries + top]!;
    if (
      top < 0 || meta[STATE] !== LIVE || typeof bytes !== "number" || bytes !== (bytes | 0) ||
      (bytes - 1) >>> 0 >= this.longest || !this.claim(block, bytes, this.cachedTag, this.allocatedTag)
    ) return NONE;
    meta[topWord] = top;
    meta[this.claimed] = NONE;
    if (top < meta[lowest]!) meta[lowest] = top;
    return block;
  }

  /**
   * Puts an allocated single block into the cache. Returns false if the slow path has to decide. The state is read
   * last, as the steps above require. That is enough in a destroyed pool too: its table is zeros, or this call undoes
   * what it did.
   */
  give(block: number): boolean {
    const { meta, top: topWord, freeing, cachedTag } = this;
    const word = this.table + (block << DESCRIPTOR_SHIFT);
    const tag = meta[word]!;
    const top = meta[topWord]!;
    if ((tag & STATE_MASK) !== ALLOCATED || top >>> 0 >= this.room) return false;
    // The steps of src/cache/bias.ts. Here, because JavaScriptCore would not inline a method of their own.
    meta[freeing] = 1;
    if (cachedTag === meta[BIAS_TAG]) {
      meta[word] = cachedTag;
      meta[freeing] = 0;
    } else {
      meta[freeing] = 0;
      if (tag !== this.mapping.exchange(word, tag, cachedTag)) return false;
    }
    meta[this.entries + top] = block;
    meta[topWord] = top + 1;
    if (meta[STATE] !== this.plainLive && this.undoUnlessLive(word, tag)) return false;
    this.given[0]!++;
    return true;
  }

  /** `give` for the block that starts at an offset. Returns false also if no block starts there. */
  giveAt(offset: number): boolean {
    if (typeof offset !== "number") return false;
    const block = this.blockAt(offset);
    return block >= 0 && block < this.blockCapacity && this.give(block);
  }

  /** The block that starts at an offset. If no block starts there, the result is out of range. */
  private blockAt(offset: number): number {
    if (this.shift >= 0) {
      const block = offset >> this.shift;
      return block << this.shift === offset ? block : NONE;
    }
    // A product is faster than a quotient. The comparison refuses what was rounded to another block.
    const block = (offset * this.perByte + 0.5) | 0;
    return block * this.blockSize === offset ? block : NONE;
  }

  /**
   * The steps T1 to T3: turns a tag from `cachedTag` to `allocatedTag`. Returns whether it did.
   */
  claim(block: number, bytes: number, cachedTag: number, allocatedTag: number): boolean {
    const meta = this.meta;
    const word = this.table + block * DESCRIPTOR_WORDS;
    meta[this.claimed] = block;
    if (!meta[PLAIN_CLAIMS] || cachedTag !== meta[word]) {
      return this.claimByExchange(word, bytes, cachedTag, allocatedTag);
    }
    meta[word + REQUESTED_LOW] = bytes;
    meta[word] = allocatedTag;
    return true;
  }

  /**
   * Stores the top again and reads the state, both by sequentially consistent operations. For the end of a `give` whose
   * plain read does not prove that the pool is live.
   */
  isLiveAfterPublishing(topWord: number): boolean {
    const meta = this.meta;
    Atomics.store(meta, topWord, meta[topWord]!);
    return Atomics.load(meta, STATE) === LIVE;
  }

  /**
   * Undoes a `give`, so that the slow path can free the block. Returns whether it did: if the block was recalled
   * meanwhile, it is free already.
   */
  undo(word: number, tag: number, cachedTag: number, topWord: number): boolean {
    if (this.mapping.exchange(word, cachedTag, tag) !== cachedTag) return false;
    this.meta[topWord]!--;
    return true;
  }

  /** Sets `room` to what the cached short runs leave now, and returns it. */
  updateRoom(): number {
    const { meta, limit } = this;
    const taken = (meta[this.runBlocks]! - meta[this.runBlocksRecalled]!) | 0;
    this.room = taken >= 0 && taken <= limit ? limit - taken : limit;
    return this.room;
  }

  /** How many of the blocks must be single ones. */
  get reserve(): number {
    return Math.ceil(this.limit * FOR_SINGLES);
  }

  /**
   * Doubles or halves the limit, towards this one but no further than the capacity. Returns whether it is higher now.
   * What the cache holds beyond a lower limit stays until the next flush.
   */
  adapt(limit: number): boolean {
    const before = this.limit;
    const wanted = Math.min(limit, this.capacity);
    this.limit = before < wanted ? Math.min(2 * before, wanted) : Math.max(before >> 1, wanted);
    return this.limit > before;
  }

  /** The undelivered block is free again: `take` goes on. */
  resume(): void {
    this.undelivered = NONE;
    this.longest = longestFor(this.blockSize);
  }

  /** From now on `take` and `give` refuse everything, and write nothing to the region. */
  close(): void {
    this.longest = 0;
    this.room = 0;
  }

  private undoUnlessLive(word: number, tag: number): boolean {
    return !this.isLiveAfterPublishing(this.top) && this.undo(word, tag, this.cachedTag, this.top);
  }

  /** Clears the claim of a `take` that failed. Otherwise a recall would skip this block until the next `take`. */
  private abandonClaim(): false {
    this.meta[this.claimed] = NONE;
    return false;
  }

  /**
   * Claims by exchange, in two steps. If the block became ALLOCATED at once, another worker could free it by mistake
   * before its bytes are stored, and that store would then overwrite a link of a free list. No other worker changes a
   * TAKING block.
   */
  private claimByExchange(word: number, bytes: number, cachedTag: number, allocatedTag: number): boolean {
    const meta = this.meta;
    // A plain read first: a corrupted entry may lead to any word, and an exchange there would write to it.
    if (meta[word] !== cachedTag) return this.abandonClaim();
    if (this.mapping.exchange(word, cachedTag, this.takingTag) !== cachedTag) return this.abandonClaim();
    meta[word + REQUESTED_LOW] = bytes;
    Atomics.store(meta, word, allocatedTag);
    return true;
  }
}

/** The part of a worker that its caches need. */
export type CacheWorker = Pick<Worker, "region" | "slot" | "number"> & { readonly mapping: Pick<Mapping, "exchange"> };

function longestFor(blockSize: number): number {
  return Math.min(blockSize, 2 ** 31 - 1);
}

function shiftFor(blockSize: number, blockCapacity: number): number {
  const shift = 31 - Math.clz32(blockSize);
  return 2 ** shift === blockSize && blockCapacity * blockSize <= 2 ** 31 ? shift : -1;
}
