/**
 * The kind of every word of a region, by its name in src/region/layout.ts; and the table of those kinds whose
 * corruption `check()` may miss, with the reason why that is harmless. bits_test.ts flips bits and compares what it
 * finds with the table.
 *
 * A kind is a word of the header ("HIGH_WATER"), of a worker slot ("SLOT_TOP"), an entry of a cache or of the depot, or
 * a word of a block descriptor, with the state of the block's run: "TAG, FREE" in the first block of a run, "last TAG,
 * FREE" in its last block, "inner TAG, FREE" in between. Other words of inner and last blocks have no meaning.
 */

import * as layout from "../../src/region/layout.ts";
import type { Region } from "../../src/region/region.ts";
import { type PlainRun, runsOf } from "../support/plain.ts";

/** The words of the lock come first. They belong to the C library. */
export const LOCK_WORDS = 32;

const HEADER = places(
  "HEADER_MAGIC HEADER_FORMAT STATE BLOCK_COUNT BLOCK_CAPACITY WARN_ON_MISUSE LOCK_TIMEOUT CACHED_BLOCKS " +
    "CACHED_BUFFERS PLAIN_CLAIMS HAS_BARRIER CHECKED INITIAL_BLOCK_COUNT ALIGNMENT NAMED HEADER_SUM BIAS_TAG HOLDER " +
    "NEXT_WORKER FREE_BLOCKS HIGH_WATER PEAK_ALLOCATED SLOTS_USED DEPOT_COUNT LAST_SEQUENCE STACK_LOG_USED " +
    "QUEUE_FIRST QUEUE_NEXT QUEUE_END " +
    "HIGH_WATER_INVERTED BLOCK_COUNT_INVERTED FIRST_LEVEL_MAP",
  "BLOCK_SIZE ALLOCS FREES COALESCED EXHAUSTED LOCK_ACQUISITIONS LOCK_CONTENDED OWNER_DEATHS GROWN",
);
const SLOT = places(
  "SLOT_WORKER SLOT_CLAIM SLOT_TOP SLOT_STALE SLOT_LOWEST SLOT_RUN_BLOCKS SLOT_RUN_BLOCKS_RECALLED SLOT_FREEING " +
    "SLOT_SWEPT SLOT_SUM",
  "SLOT_GIVEN SLOT_REFILLED SLOT_THREAD SLOT_RUNS_GIVEN SLOT_RUNS_TAKEN",
);

/**
 * Words of the header that are written once. A checksum covers them, and `attach` refuses a pool in which one is wrong.
 */
export const CONSTANTS = ("HEADER_MAGIC HEADER_FORMAT BLOCK_CAPACITY WARN_ON_MISUSE LOCK_TIMEOUT CACHED_BLOCKS " +
  "CACHED_BUFFERS HAS_BARRIER CHECKED INITIAL_BLOCK_COUNT ALIGNMENT NAMED HEADER_SUM BLOCK_SIZE").split(" ");

const STATISTICS = "a count for stats(); at most a heuristic of the caches depends on it";
const REQUESTED = "any length that the run can hold is plausible; only the caller knows which one was requested";
const WAS_REQUESTED = "any length that the run can hold is plausible; the next allocation overwrites it";
const CACHE_ROOM =
  "the worker caches fewer or more short runs than it should, but never more than there are entries for";
const INNER =
  "means nothing there; check() reports the states from RELEASING up, which a free() of that block would believe";
const LAST = "the worker in it means nothing there; check() reports every state but INTERIOR";

/**
 * Kinds of words in which `check()` does not notice every flipped bit, with the reason why the bits that it misses are
 * harmless: whatever is called afterwards works as in an intact pool, no block is lost and none is handed out twice.
 */
export const SILENT: Readonly<Record<string, string>> = {
  "HOLDER": "the next worker that takes the lock runs the recovery, which rebuilds only what is derived",
  "PLAIN_CLAIMS": "0 instead of 1: workers claim by exchange, which is always correct",
  "BIAS_TAG": "the value REVOKING: the next worker that attaches executes one barrier more",
  "NEXT_WORKER": "a higher value: some worker numbers are never used",
  "PEAK_ALLOCATED": STATISTICS,
  "SLOTS_USED": "a higher value: walks over the slots visit empty ones",
  "LAST_SEQUENCE": "the numbers of a block's last two allocations still differ",
  "STACK_LOG_USED": "call stacks in messages are missing or wrong",
  "ALLOCS": STATISTICS,
  "FREES": STATISTICS,
  "COALESCED": STATISTICS,
  "EXHAUSTED": STATISTICS,
  "LOCK_ACQUISITIONS": STATISTICS,
  "LOCK_CONTENDED": STATISTICS,
  "OWNER_DEATHS": STATISTICS,
  "GROWN": STATISTICS,
  "SLOT_STALE": STATISTICS,
  "SLOT_LOWEST": STATISTICS,
  "SLOT_GIVEN": STATISTICS,
  "SLOT_REFILLED": STATISTICS,
  "SLOT_RUN_BLOCKS": CACHE_ROOM,
  "SLOT_RUN_BLOCKS_RECALLED": CACHE_ROOM,
  "SLOT_RUNS_GIVEN": STATISTICS,
  "SLOT_RUNS_TAKEN": STATISTICS,
  "SLOT_RUN_TOP":
    "a higher value: an entry counts only if the tag and the length of its run agree. Or any value in the slot " +
    "of a dead worker, whose cached runs are found by their tags",
  "SLOT_CLAIM": "a worker may claim any block at any moment; no flipped bit turns NONE into the number of a block",
  "SLOT_FREEING": "of another worker: that worker sets it to 0 at its next free, or before it becomes the only worker",
  "SLOT_TOP": "a higher value: an entry counts only if the tag of its block agrees",
  "entry of a cache": "a stale entry; or an entry of a dead worker, whose cached runs are found by their tags",
  "REQUESTED_LOW, ALLOCATED": REQUESTED,
  "REQUESTED_LOW, ALLOCATED_SHORT": REQUESTED,
  "REQUESTED_LOW, ALLOCATED_RUN": REQUESTED,
  "REQUESTED_LOW, CACHED": WAS_REQUESTED,
  "REQUESTED_LOW, CACHED_RUN": WAS_REQUESTED,
  "inner TAG, ALLOCATED_SHORT": INNER,
  "inner TAG, ALLOCATED_RUN": INNER,
  "inner TAG, CACHED_RUN": INNER,
  "inner TAG, FREE": INNER,
  "last TAG, ALLOCATED_SHORT": LAST,
  "last TAG, ALLOCATED_RUN": LAST,
  "last TAG, CACHED_RUN": LAST,
  "means nothing": "no operation reads it",
};

/** A part of the depot. */
const BITS_ABOVE_HIGH_WATER = "bits of the depot above high water";

/**
 * Kinds of words that `check()` cannot judge, and whose corruption may show later, as an error of a call or as a wrong
 * message.
 */
export const LATER: Readonly<Record<string, string>> = {
  [BITS_ABOVE_HIGH_WATER]:
    "check() reads the depot up to high water; above it, a bit has no meaning until its block is used",
  "inner TAG above high water":
    "check() does not read the part of the table that was never used. The word has no meaning " +
    "until the block is used; until then, only free() of an offset where nothing was handed out would believe it",
  "log entry": "what a checked pool remembers of a block's allocations: correct calls may be reported as misuse",
  "stack log": "the call stacks in such reports may be wrong",
};

/**
 * Whether words of this kind hold the requested length of an allocated run. If one is wrong, that length is not to be
 * tested.
 */
export function holdsRequested(kind: string): boolean {
  return kind.startsWith("REQUESTED_LOW, ALLOCATED");
}

/** The kind of each word from the start of the region to the end of the depot. */
export function kindsOfWords(region: Region): string[] {
  const { header } = region;
  const kinds = Array.from(header, (_, word) => kindOfHeaderWord(region, word));
  while (kinds.length < layout.tableWord(header[layout.CACHED_BLOCKS]!)) kinds.push(kindOfEntry(region, kinds.length));
  kinds.push(...runsOf(region).flatMap((run) => kindsInRun(run, header[layout.HIGH_WATER]!)));
  const { blockCount, capacity } = region.table;
  for (let block = blockCount; block < capacity; block++) kinds.push(...INNER_ABOVE_HIGH_WATER);
  const end = layout.allocationLogWord(capacity, header[layout.CACHED_BLOCKS]!);
  const start = layout.depotWord(capacity, header[layout.CACHED_BLOCKS]!);
  const used = start + Math.ceil(header[layout.HIGH_WATER]! / 32);
  const levels = start + layout.depotLevels(capacity)[0];
  while (kinds.length < end) {
    kinds.push(kinds.length >= used && kinds.length < levels ? BITS_ABOVE_HIGH_WATER : "bits of the depot");
  }
  return kinds;
}

/** The names of words by their places. `doubles` are names of 64-bit words. */
function places(words: string, doubles: string): ReadonlyMap<number, string> {
  const place = (name: string): number => layout[name as keyof typeof layout] as number;
  const single = words.split(" ").map((name) => [place(name), name] as const);
  const double = doubles.split(" ").filter(Boolean).flatMap((name) =>
    [0, 1].map((half) => [2 * place(name) + half, name] as const)
  );
  const all = new Map([...single, ...double]);
  if (all.size !== single.length + double.length) throw new Error("Two words of the header have the same place");
  return all;
}

function kindOfHeaderWord({ slots }: Region, word: number): string {
  if (word < LOCK_WORDS) return "lock";
  const slotWords = layout.SLOT_COUNT * layout.SLOT_WORDS;
  if (isWithin(word, layout.SECOND_LEVEL_MAPS, layout.FIRST_LEVELS)) return "SECOND_LEVEL_MAP";
  if (isWithin(word, layout.LIST_HEADS, layout.FIRST_LEVELS * layout.SECOND_LEVELS)) return "LIST_HEAD";
  if (!isWithin(word, layout.SLOTS, slotWords)) return HEADER.get(word) ?? "means nothing";
  const place = (word - layout.SLOTS) % layout.SLOT_WORDS;
  const isRunTop = isWithin(place, layout.SLOT_RUN_TOPS, layout.LONGEST_SHORT_RUN - 1);
  const kind = isRunTop ? "SLOT_RUN_TOP" : SLOT.get(place) ?? "means nothing";
  const free = slots.worker(Math.floor((word - layout.SLOTS) / layout.SLOT_WORDS)) === 0;
  return !free || ["SLOT_WORKER", "SLOT_SUM"].includes(kind) ? kind : "means nothing";
}

function isWithin(word: number, start: number, length: number): boolean {
  return word >= start && word < start + length;
}

function kindOfEntry({ header, slots }: Region, word: number): string {
  const cachedBlocks = header[layout.CACHED_BLOCKS]!;
  const requests = layout.waitQueueWord(cachedBlocks);
  if (word >= requests) {
    return word < requests + FIRST_REQUESTS * layout.REQUEST_WORDS ? "means nothing" : OTHER_REQUEST;
  }
  for (let slot = 0; slot < slots.used; slot++) {
    const top = header[layout.SLOTS + slot * layout.SLOT_WORDS + layout.SLOT_TOP]!;
    if (isWithin(word, layout.cacheWord(slot, cachedBlocks), top)) return "entry of a cache";
    for (let length = 2; length <= layout.LONGEST_SHORT_RUN; length++) {
      const entries = layout.runEntriesWord(slot, cachedBlocks, length);
      if (isWithin(word, entries, slots.validRunTop(slot, length))) return "entry of a cache";
    }
  }
  return "means nothing";
}

/** The first requests of the wait queue, whose bits are flipped. All others are alike, and there are thousands. */
const FIRST_REQUESTS = 4;
export const OTHER_REQUEST = "other request";

const INNER_ABOVE_HIGH_WATER = ["inner TAG above high water", "means nothing", "means nothing", "means nothing"];

const STATES = places(
  "INTERIOR FREE END_OF_FREE RELEASING CACHED CACHED_RUN TAKING ALLOCATED ALLOCATED_SHORT ALLOCATED_RUN",
  "",
);

function kindsInRun({ first: start, length, state }: PlainRun, highWater: number): string[] {
  const free = state === layout.FREE;
  const first = free ? ["TAG", "LENGTH", "PREVIOUS", "NEXT"] : ["TAG", "LENGTH", "REQUESTED_LOW", "REQUESTED_HIGH"];
  const kinds = first.map((field) => `${field}, ${STATES.get(state)}`);
  const nothing = "means nothing";
  for (let inner = start + 1; inner < start + length - 1; inner++) {
    if (inner < highWater) kinds.push(`inner TAG, ${STATES.get(state)}`, nothing, nothing, nothing);
    else kinds.push(...INNER_ABOVE_HIGH_WATER);
  }
  if (length > 1) {
    kinds.push(`last TAG, ${STATES.get(state)}`, free ? "last LENGTH, FREE" : nothing, nothing, nothing);
  }
  return kinds;
}
