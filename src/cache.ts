import type { Region } from "./ffi/native.ts";
import {
  ALLOCATED,
  CACHED,
  CACHED_BLOCKS,
  cacheWord,
  DESCRIPTOR_SHIFT,
  NONE,
  PLAIN_CLAIMS,
  REQUESTED_LOW,
  SLOT_CLAIM,
  SLOT_COUNT,
  SLOT_GIVEN,
  SLOT_LOWEST,
  SLOT_TAKEN,
  SLOT_TOP,
  STATE_MASK,
} from "./layout.ts";
import { slotWord } from "./slots.ts";
import { makeTag } from "./table.ts";
import type { Views } from "./views.ts";

/**
 * A worker's cache of single blocks: a stack of block numbers, which only this worker moves, so that most calls need
 * no lock. The truth about a block is its tag, not its entry: CACHED with this worker's number.
 *
 * `give` turns ALLOCATED into CACHED by one exchange. Of several that free a block, one wins it.
 *
 * `take` turns CACHED into ALLOCATED. The only rival is a worker that found the pool exhausted and recalls what others
 * have cached. Recalling is rare, so it bears the cost, and `take` has no atomic instruction (`PLAIN_CLAIMS`):
 *
 *     take                                recall, under the lock
 *     1  claim = block                    A  tag: CACHED -> RECALLED, by exchange
 *     2  tag still CACHED? else slow      B  barrier: every thread passes a full memory barrier
 *     3  tag = ALLOCATED                  C  claim === block? then tag: RECALLED -> CACHED, by exchange
 *     4  claim = NONE                     D  else tag: RECALLED -> FREE, by exchange; only then is it recalled
 *
 * The victim passed its barrier somewhere in its sequence. If before 2, then 2 sees A, and the victim goes to the lock
 * and looks again. If after 2, then C sees the claim of 1 and leaves the block alone, or it sees 4, and then D's exchange
 * sees 3 and fails. So no block is handed out twice, and none is lost. That no thread sees 2 before 1, once the barrier is
 * passed, nor 4 before 3, is what the processor gives (x86-64 shows stores in their order, and B undoes the one thing
 * that it does change, a load that overtakes an earlier store), and what the engines give, which keep reads and writes
 * of one typed array in the program's order. Elsewhere 1 to 4 are one exchange.
 *
 * A worker may die after any step. Before 3 the block is still cached, between 3 and the store of the new top its entry
 * is stale, and stale entries are skipped.
 */
export class WorkerCache {
  readonly #region: Region;
  readonly #meta: Int32Array;
  readonly #counters: Float64Array;
  readonly #plain: boolean;
  readonly #capacity: number;
  readonly #slot: number;
  readonly #entries: number;
  readonly #table: number;
  readonly #taken: number;
  readonly #given: number;
  readonly #cachedTag: number;
  readonly #allocatedTag: number;

  constructor(region: Region, views: Views, slot: number, worker: number) {
    this.#region = region;
    this.#meta = views.meta;
    this.#counters = views.counters;
    this.#plain = views.header[PLAIN_CLAIMS] === 1;
    this.#capacity = views.header[CACHED_BLOCKS]!;
    this.#slot = slotWord(slot);
    this.#entries = cacheWord(slot, this.#capacity);
    this.#table = cacheWord(SLOT_COUNT, this.#capacity);
    this.#taken = this.#slot / 2 + SLOT_TAKEN;
    this.#given = this.#slot / 2 + SLOT_GIVEN;
    this.#cachedTag = makeTag(CACHED, worker);
    this.#allocatedTag = makeTag(ALLOCATED, worker);
  }

  /** Hands out a cached block for so many bytes, or says NONE: the cache is empty, or its last entry is in question. */
  take(bytes: number): number {
    const meta = this.#meta;
    const top = meta[this.#slot + SLOT_TOP]! - 1;
    if (top < 0) return NONE;
    const block = meta[this.#entries + top]!;
    const tag = this.#table + (block << DESCRIPTOR_SHIFT);
    if (this.#plain) {
      meta[this.#slot + SLOT_CLAIM] = block;
      if (meta[tag] !== this.#cachedTag) return NONE;
      meta[tag + REQUESTED_LOW] = bytes;
      meta[tag] = this.#allocatedTag;
      meta[this.#slot + SLOT_CLAIM] = NONE;
    } else {
      if (this.#region.exchange(tag, this.#cachedTag, this.#allocatedTag) !== this.#cachedTag) return NONE;
      meta[tag + REQUESTED_LOW] = bytes;
    }
    meta[this.#slot + SLOT_TOP] = top;
    if (top < meta[this.#slot + SLOT_LOWEST]!) meta[this.#slot + SLOT_LOWEST] = top;
    this.#counters[this.#taken]!++;
    return block;
  }

  /** Puts an allocated single block into the cache, or says false: it is none, or the cache is full. */
  give(block: number): boolean {
    const meta = this.#meta;
    const word = this.#table + (block << DESCRIPTOR_SHIFT);
    const tag = meta[word]!;
    const top = meta[this.#slot + SLOT_TOP]!;
    if ((tag & STATE_MASK) !== ALLOCATED || top >= this.#capacity) return false;
    if (this.#region.exchange(word, tag, this.#cachedTag) !== tag) return false;
    meta[this.#entries + top] = block;
    meta[this.#slot + SLOT_TOP] = top + 1;
    this.#counters[this.#given]!++;
    return true;
  }
}
