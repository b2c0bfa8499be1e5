/**
 * The program of bits_test.ts: flips bits of a real pool and then calls everything that users can call. It runs in a
 * process of its own and prints each bit before it flips it, so the last bit of the output is the one that crashed or
 * hung the process.
 *
 *     pool | checked   bits of header, caches, depot, table, allocation log; a worker attaches, calls all, leaves
 *     lock             bits of the lock while no thread holds it
 *     held             bits of the lock while this thread holds it
 */

import { writeSync } from "node:fs";
import process from "node:process";
import { MemPool, MemPoolError, type MemPoolErrorCode } from "mempool";
import { Attachment } from "../../src/attachment.ts";
import type { Mapping, Native } from "../../src/runtime/native.ts";
import { openNative } from "../../src/runtime/open.ts";
import { allocationLogWord, CACHED_BLOCKS, LOG_ENTRY_WORDS } from "../../src/region/layout.ts";
import type { Region } from "../../src/region/region.ts";
import { bitsOf } from "./_flips.ts";
import { type LiveRun, populate, POPULATED_SHAPE } from "./_populated_pool.ts";
import { sequenceFrom } from "../support/sequence.ts";
import type { Backing } from "../support/simulation.ts";
import { CONSTANTS, kindsOfWords, LATER, LOCK_WORDS } from "./_words.ts";

/** How many words at the start of the stack log are flipped too. */
const STACK_LOG_WORDS = 16;

/** Kinds of words that only a checked pool uses. */
const OF_CHECKED = ["log entry", "stack log", "LAST_SEQUENCE", "STACK_LOG_USED"];

const [mode = "", seed = ""] = process.argv.slice(2);

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** Prints at once, so that the output is complete when the process crashes. */
function print(text: string): void {
  writeSync(1, text);
}

/** The region of a real pool. Its workers are all this thread, except those that count as dead. */
class RealRegion implements Backing {
  readonly native: Native;
  readonly meta: ArrayBuffer;
  readonly data: Uint8Array;
  readonly #mapping: Mapping;

  constructor(pool: MemPool) {
    this.native = openNative();
    this.#mapping = this.native.mapping(this.native.open(pool.handle.id));
    this.meta = this.#mapping.meta;
    this.data = new Uint8Array(this.#mapping.buffer(0, pool.size)); // not to maxSize, because only this much is mapped
  }

  mappingFor(): Mapping {
    return this.#mapping;
  }

  /** No thread has the number 1, so a worker of that thread is dead. */
  threadFor(_number: number, doomed: boolean): number {
    return doomed ? 1 : this.native.thread();
  }
}

/** Flips bits while this thread is not attached, so that each try begins with an attach. */
async function flipPool(checked: boolean): Promise<void> {
  const pool = MemPool.init(POPULATED_SHAPE.blocks * 64, 64, { ...POPULATED_SHAPE, checked, lockTimeout: 50 });
  const { handle } = pool;
  const backing = new RealRegion(pool);
  const { workers, live } = populate(backing, !checked);
  pool.close();

  const kinds = kindsOfRegion(workers[0]!.region, checked);
  const words = new Int32Array(backing.meta, 0, kinds.length);
  const intact = words.slice();
  const data = backing.data.slice();
  const restore = (): void => {
    words.set(intact.subarray(LOCK_WORDS), LOCK_WORDS);
    backing.data.set(data);
  };

  let [flips, found] = [0, 0];
  const everyBit = (kind: string): boolean => checked ? OF_CHECKED.includes(kind) : CONSTANTS.includes(kind);
  for (const [word, bit] of bitsOf(kinds, sequenceFrom(Number(seed)), everyBit, checked ? 24 : 1)) {
    const kind = kinds[word]!;
    print(`${word}.${bit} `);
    flips++;
    // Within one turn of the event loop, engines keep every pool object, because each has a weak reference.
    if (flips % 100 === 0) await nextTurn();
    words[word]! ^= 1 << bit;
    const refused = isRefused(() => MemPool.attach(handle).close());
    if (CONSTANTS.includes(kind) && !refused) throw new Error(`attach accepts a wrong ${kind}`);
    restore();
    words[word]! ^= 1 << bit;
    const isFound = refused || isFoundBy(() => MemPool.attach(handle));
    restore();
    words[word]! ^= 1 << bit;
    callEverything(() => MemPool.attach(handle), live, checked, isFound || kind in LATER);
    if (isFound) found++;
    restore();
  }
  print(`\n${flips} flips, ${found} found\n`);
}

/** The kinds of all words, including the allocation log of a checked pool. */
function kindsOfRegion(region: Region, checked: boolean): string[] {
  const kinds = kindsOfWords(region);
  const { capacity } = region.table;
  const words = allocationLogWord(capacity, region.header[CACHED_BLOCKS]!);
  if (kinds.length !== words) throw new Error(`${kinds.length} of ${words} words have a kind`);
  if (!checked) return kinds;
  return [
    ...kinds,
    ...Array<string>(capacity * LOG_ENTRY_WORDS).fill("log entry"),
    ...Array<string>(STACK_LOG_WORDS).fill("stack log"),
  ];
}

/** The codes with which a corrupt pool may refuse an attach. */
const REFUSALS: readonly MemPoolErrorCode[] = ["corrupt", "format-mismatch", "too-many-workers"];
/** The codes with which it may refuse any call. */
const ERRORS: readonly MemPoolErrorCode[] = [
  ...REFUSALS,
  "double-free",
  "foreign-block",
  ...(["lock", "held"].includes(mode) ? ["lock-timeout" as const] : []),
];

function isError(error: unknown, codes: readonly MemPoolErrorCode[]): boolean {
  return error instanceof MemPoolError && codes.includes(error.code);
}

/** Whether attaching finds the corruption. */
function isRefused(attach: () => void): boolean {
  try {
    attach();
    return false;
  } catch (error) {
    if (isError(error, REFUSALS)) return true;
    throw error;
  }
}

/** Whether `check` finds the corruption. */
function isFoundBy(attach: () => MemPool): boolean {
  const pool = attach();
  try {
    pool.check();
    pool.close();
    return false;
  } catch (error) {
    if (!isError(error, ["corrupt"])) throw error;
    attempt(() => pool.close(), true);
    return true;
  }
}

/** Makes a call that may be refused only if `mayFail`, and only with one of ERRORS. */
function attempt<T>(act: () => T, mayFail: boolean): T | undefined {
  try {
    return act();
  } catch (error) {
    if (mayFail && isError(error, ERRORS)) return undefined;
    throw error;
  }
}

/**
 * Makes every call that users can make, and writes to every buffer: if one does not lie inside the pool, the process
 * crashes.
 */
function callEverything(attach: () => MemPool, live: readonly LiveRun[], checked: boolean, mayFail: boolean): void {
  const pool = attempt(attach, mayFail);
  if (pool === undefined) return;
  const mine: ArrayBuffer[] = [];
  const keep = (buffer: ArrayBuffer | null): void => {
    if (buffer === null) return;
    new Uint8Array(buffer).fill(7);
    mine.push(buffer);
  };
  const step = (act: () => void): void => void attempt(act, mayFail);
  for (const bytes of [40, 64, 300, 70 * 64]) step(() => keep(pool.alloc(bytes)));
  step(() => keep(pool.calloc(3, 50)));
  step(() => pool.allocMany(3, 100)?.forEach(keep));
  for (const { block } of live.slice(0, 6)) step(() => keep(pool.at(block * 64)));
  for (const { block } of live.slice(6, 9)) step(() => void pool.reallocOffset(block * 64, 200));
  for (const place of [0, 1, mine.length - 1]) {
    step(() => place in mine && keep(pool.realloc(mine.splice(place, 1)[0]!, 90)));
  }
  for (const buffer of mine) step(() => void (pool.owns(buffer) && pool.offsetOf(buffer)));
  step(() => void pool.stats());
  step(() => void [...pool.blocks()]);
  // A checked pool reports writes to free blocks, so there the whole buffer is only read.
  step(() => void (checked ? new Uint8Array(pool.buffer).slice() : new Uint8Array(pool.buffer).fill(7)));
  step(() => void pool.trim());
  if (checked) step(() => void pool.leaks());
  step(() => pool.freeMany(mine.splice(0, 3)));
  for (const buffer of mine) step(() => pool.free(buffer));
  for (const { block } of live.slice(9)) step(() => pool.freeOffset(block * 64));
  step(() => {
    while (pool.allocOffset(9 * 64) !== -1);
  });
  step(() => void pool.reap());
  step(() => pool.check());
  step(() => pool.close());
}

/** Flips bits of the C library's mutex at the start of a region. */
function flipLock(held: boolean): void {
  using pool = MemPool.init(64 * 64, 64, { cachedBlocks: 0, lockTimeout: 1 });
  const { region, lock } = Attachment.open(pool.handle);
  const words = new Int32Array(region.meta.buffer, 0, LOCK_WORDS);
  for (let word = 0; word < LOCK_WORDS; word++) {
    // Pointers that the C library follows when the lock is released. Nothing in the project can check them.
    if (held && word >= 6 && word < 10) continue;
    for (let bit = 0; bit < 32; bit++) {
      print(`${word}.${bit} `);
      flipLockBit(words, word, bit, pool, held ? lock : undefined);
    }
  }
  print("\ndone\n");
}

function flipLockBit(
  words: Int32Array,
  word: number,
  bit: number,
  pool: MemPool,
  held: Attachment["lock"] | undefined,
): void {
  const intact = words.slice();
  held?.enter("flip");
  words[word]! ^= 1 << bit;
  held?.leave();
  const offset = attempt(() => pool.allocOffset(100), true);
  attempt(() => pool.check(), true);
  if (offset !== undefined) attempt(() => pool.freeOffset(offset), true);
  attempt(() => pool.stats(), true);
  words.set(intact);
  pool.check();
}

Error.stackTraceLimit = 0;
// `restore` does not reach the data of blocks by which a pool has grown, so a checked pool reports late writes to them.
console.warn = () => {};
if (mode === "lock" || mode === "held") flipLock(mode === "held");
else await flipPool(mode === "checked");
