/** What each word of a region is, as src/region/layout.ts has it; and which may be wrong without `check` saying so, and why. */

import * as layout from "../../src/region/layout.ts";
import type { Region } from "../../src/region/region.ts";
import { type PlainRun, runsOf } from "../support/plain.ts";

/** The lock's own words come first: they are glibc's. */
export const LOCK_WORDS = 32;

const HEADER = places(
  "HEADER_MAGIC HEADER_FORMAT STATE BLOCK_COUNT BLOCK_CAPACITY WARN_ON_MISUSE LOCK_TIMEOUT CACHED_BLOCKS CACHED_BUFFERS PLAIN_CLAIMS " +
    "HAS_BARRIER CHECKED HEADER_SUM BIAS_TAG HOLDER NEXT_WORKER FREE_BLOCKS HIGH_WATER PEAK_ALLOCATED SLOTS_USED DEPOT_TOP " +
    "LAST_SEQUENCE STACK_LOG_USED QUEUE_FIRST QUEUE_NEXT QUEUE_END HIGH_WATER_INVERTED BLOCK_COUNT_INVERTED FIRST_LEVEL_MAP",
  "BLOCK_SIZE ALLOCS FREES COALESCED EXHAUSTED LOCK_ACQUISITIONS LOCK_CONTENDED OWNER_DEATHS GROWN",
);
const SLOT = places(
  "SLOT_WORKER SLOT_CLAIM SLOT_TOP SLOT_STALE SLOT_LOWEST SLOT_RUN_BLOCKS SLOT_RUN_BLOCKS_RECALLED SLOT_FREEING SLOT_SWEPT SLOT_SUM",
  "SLOT_GIVEN SLOT_REFILLED SLOT_THREAD SLOT_RUNS_GIVEN SLOT_RUNS_TAKEN",
);

/** What is written once, in the order of the header. */
export const CONSTANTS = ("HEADER_MAGIC HEADER_FORMAT BLOCK_CAPACITY WARN_ON_MISUSE LOCK_TIMEOUT CACHED_BLOCKS " +
  "CACHED_BUFFERS HAS_BARRIER CHECKED HEADER_SUM BLOCK_SIZE").split(" ");

/**
 * Words that can hold something else and `check` does not see it; what else they may be wrong in, it does. All of them are
 * harmless: whatever is done afterwards goes as it should, no block is lost, none handed out twice.
 */
export const SILENT: Readonly<Record<string, string>> = {
  "HOLDER": "that somebody was cut off: everything derived is made again",
  "PLAIN_CLAIMS": "claims by exchange are right always",
  "BIAS_TAG": "REVOKING: who attaches passes a barrier more",
  "NEXT_WORKER": "upwards: numbers are left out",
  "PEAK_ALLOCATED": "statistics",
  "SLOTS_USED": "upwards: more slots are looked at",
  "LAST_SEQUENCE": "numbers tell a block's last two allocations apart all the same",
  "STACK_LOG_USED": "stacks are overwritten, or missing",
  "ALLOCS": "statistics",
  "FREES": "statistics",
  "COALESCED": "statistics",
  "EXHAUSTED": "statistics",
  "LOCK_ACQUISITIONS": "statistics",
  "LOCK_CONTENDED": "statistics",
  "OWNER_DEATHS": "statistics",
  "GROWN": "statistics",
  "SLOT_STALE": "statistics",
  "SLOT_LOWEST": "statistics",
  "SLOT_GIVEN": "statistics",
  "SLOT_REFILLED": "statistics",
  "SLOT_RUN_BLOCKS": "fewer or more blocks are cached, and never more than there are entries for",
  "SLOT_RUN_BLOCKS_RECALLED": "fewer or more blocks are cached, and never more than there are entries for",
  "SLOT_RUNS_GIVEN": "statistics",
  "SLOT_RUNS_TAKEN": "statistics",
  "SLOT_RUN_TOP": "upwards: entries are stale until proved",
  "SLOT_CLAIM": "any block may be claimed any moment; no bit makes NONE one",
  "SLOT_FREEING": "of another worker: it is 0 again with its next free, or before it is the only one",
  "SLOT_TOP": "upwards: entries are stale until proved",
  "entry of a cache": "of a stale one; or from one block to another that is entered too",
  "REQUESTED_LOW, ALLOCATED": "within what the run holds: only the caller knows what it has asked for",
  "REQUESTED_LOW, ALLOCATED_SHORT": "within what the run holds: only the caller knows what it has asked for",
  "REQUESTED_LOW, ALLOCATED_RUN": "within what the run holds: only the caller knows what it has asked for",
  "REQUESTED_LOW, CACHED": "within what the block holds: it was asked for last time",
  "REQUESTED_LOW, CACHED_RUN": "within what the run holds: it was asked for last time",
  "inner TAG, ALLOCATED_SHORT": "means nothing, unless it is a state from RELEASING up",
  "inner TAG, ALLOCATED_RUN": "means nothing, unless it is a state from RELEASING up",
  "inner TAG, CACHED_RUN": "means nothing, unless it is a state from RELEASING up",
  "inner TAG, FREE": "means nothing, unless it is a state from RELEASING up",
  "last TAG, ALLOCATED_SHORT": "whose it is means nothing there",
  "last TAG, ALLOCATED_RUN": "whose it is means nothing there",
  "last TAG, CACHED_RUN": "whose it is means nothing there",
  "means nothing": "as it says",
};

/** Words whose errors `check` does not see, and which may be met later: then it, or another call, says so. */
export const LATER: Readonly<Record<string, string>> = {
  "inner TAG above high water":
    "check() would have to read the whole table, used or not. Until the block is used it means nothing; after that, only " +
    "free() of an offset where nothing was handed out would believe it",
  "trace": "what a checked pool tells of a block's past, to a caller who is right too",
  "log": "as it is told",
};

/** What a wrong one lets pass, but for how long a run is said to be that was asked for. */
export function saysLength(name: string): boolean {
  return name.startsWith("REQUESTED_LOW, ALLOCATED");
}

/** For each word of header, caches, depot and table its kind. */
export function kindsOfWords(region: Region): string[] {
  const { header } = region;
  const kinds = Array.from(header, (_, word) => kindOfHeaderWord(region, word));
  while (kinds.length < layout.tableWord(header[layout.CACHED_BLOCKS]!)) kinds.push(kindOfEntry(region, kinds.length));
  kinds.push(...runsOf(region).flatMap((run) => kindsInRun(run, header[layout.HIGH_WATER]!)));
  const { blockCount, capacity } = region.table;
  for (let block = blockCount; block < capacity; block++) kinds.push(...INNER_ABOVE_HIGH_WATER);
  return kinds;
}

function places(words: string, doubles: string): ReadonlyMap<number, string> {
  const place = (name: string): number => layout[name as keyof typeof layout] as number;
  const single = words.split(" ").map((name) => [place(name), name] as const);
  const double = doubles.split(" ").filter(Boolean).flatMap((name) =>
    [0, 1].map((half) => [2 * place(name) + half, name] as const)
  );
  const all = new Map([...single, ...double]);
  if (all.size !== single.length + double.length) throw new Error("Two words of the header lie in one place");
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

function kindOfEntry({ header, slots, depot }: Region, word: number): string {
  const cachedBlocks = header[layout.CACHED_BLOCKS]!;
  const requests = layout.waitQueueWord(cachedBlocks);
  if (word >= requests) return word < requests + NEAR_REQUESTS * layout.REQUEST_WORDS ? "means nothing" : FAR_REQUEST;
  const entries = layout.cacheWord(layout.SLOT_COUNT, cachedBlocks);
  if (word >= entries) return isWithin(word, entries, depot.top) ? "entry of the depot" : "means nothing";
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

/** Requests whose words are flipped; all others are like them, and very many. */
const NEAR_REQUESTS = 4;
export const FAR_REQUEST = "request far away";

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
