/**
 * The program of bits_test.ts: flips bits of a real pool, and does everything with it that users can. In a process of its
 * own, and saying each bit before, so that the test can tell which one ended it or hung it.
 *
 *     pool | checked   bits of header, caches, depot, table, traces; a worker attaches, uses the pool, and leaves
 *     lock             bits of the lock while nobody has it
 *     held             bits of the lock while this thread has it
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
import { enrich, type Live, RICH } from "./_rich.ts";
import { sequenceFrom } from "../support/sequence.ts";
import type { Stage } from "../support/simulation.ts";
import { CONSTANTS, kindsOfWords, LATER, LOCK_WORDS } from "./_words.ts";

/** Words at the start of the stacks' log that are flipped too. */
const LOG_WORDS = 16;

/** Kinds of words that only a checked pool looks at. */
const OF_CHECKED = ["trace", "log", "LAST_SEQUENCE", "STACK_LOG_USED"];

const [mode = "", seed = ""] = process.argv.slice(2);

function nextJob(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

function say(text: string): void {
  writeSync(1, text);
}

/** A real region: the workers on it are all this thread, but for the doomed ones. */
class RealStage implements Stage {
  readonly native: Native;
  readonly meta: ArrayBuffer;
  readonly data: Uint8Array;
  readonly #mapping: Mapping;

  constructor(pool: MemPool) {
    this.native = openNative();
    this.#mapping = this.native.mapping(this.native.open(pool.handle.id));
    this.meta = this.#mapping.meta;
    this.data = new Uint8Array(this.#mapping.buffer(0, pool.size)); // as far as there is memory
  }

  mappingFor(): Mapping {
    return this.#mapping;
  }

  /** There never was a thread 1. */
  threadFor(_number: number, doomed: boolean): number {
    return doomed ? 1 : this.native.thread();
  }
}

/** Flips bits while no pool object of this thread is attached: so that each time one attaches. */
async function flipPool(checked: boolean): Promise<void> {
  const pool = MemPool.init(RICH.blocks * 64, 64, { ...RICH, checked, lockTimeout: 50 });
  const { handle } = pool;
  const stage = new RealStage(pool);
  const rich = enrich(stage, !checked);
  pool.close();

  const kinds = kindsOfRegion(rich.workers[0]!.region, checked);
  const words = new Int32Array(stage.meta, 0, kinds.length);
  const whole = words.slice();
  const data = stage.data.slice();
  const restore = (): void => {
    words.set(whole.subarray(LOCK_WORDS), LOCK_WORDS);
    stage.data.set(data);
  };

  let [flips, found] = [0, 0];
  const own = (kind: string): boolean => checked ? OF_CHECKED.includes(kind) : CONSTANTS.includes(kind);
  for (const [word, bit] of bitsOf(kinds, sequenceFrom(Number(seed)), own, checked ? 24 : 1)) {
    const kind = kinds[word]!;
    say(`${word}.${bit} `);
    flips++;
    // A job keeps what weak references were made to: pools are let go after it.
    if (flips % 100 === 0) await nextJob();
    words[word]! ^= 1 << bit;
    const refused = isRefused(() => MemPool.attach(handle).close());
    if (CONSTANTS.includes(kind) && !refused) throw new Error(`attach takes a wrong ${kind}`);
    restore();
    words[word]! ^= 1 << bit;
    const isFound = refused || isFoundBy(() => MemPool.attach(handle));
    restore();
    words[word]! ^= 1 << bit;
    useAll(() => MemPool.attach(handle), rich.live, checked, isFound || kind in LATER);
    if (isFound) found++;
    restore();
  }
  say(`\n${flips} flips, ${found} found\n`);
}

/** Kinds of all words, those of a checked pool's traces too. */
function kindsOfRegion(region: Region, checked: boolean): string[] {
  const kinds = kindsOfWords(region);
  const { capacity } = region.table;
  const words = allocationLogWord(capacity, region.header[CACHED_BLOCKS]!);
  if (kinds.length !== words) throw new Error(`${kinds.length} words have kinds, ${words} are there`);
  if (!checked) return kinds;
  return [
    ...kinds,
    ...Array<string>(capacity * LOG_ENTRY_WORDS).fill("trace"),
    ...Array<string>(LOG_WORDS).fill("log"),
  ];
}

const REFUSALS: readonly MemPoolErrorCode[] = ["corrupt", "format-mismatch", "too-many-workers"];
const ERRORS: readonly MemPoolErrorCode[] = [
  ...REFUSALS,
  "double-free",
  "foreign-block",
  ...(["lock", "held"].includes(mode) ? ["lock-timeout" as const] : []),
];

function isError(error: unknown, codes: readonly MemPoolErrorCode[]): boolean {
  return error instanceof MemPoolError && codes.includes(error.code);
}

function isRefused(attach: () => void): boolean {
  try {
    attach();
    return false;
  } catch (error) {
    if (isError(error, REFUSALS)) return true;
    throw error;
  }
}

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

/** Does something that may fail only if `mayFail`, and then only so. */
function attempt<T>(act: () => T, mayFail: boolean): T | undefined {
  try {
    return act();
  } catch (error) {
    if (mayFail && isError(error, ERRORS)) return undefined;
    throw error;
  }
}

/** Everything that users can do. All buffers are written to the end: one that is not over pool memory ends the process. */
function useAll(attach: () => MemPool, live: readonly Live[], checked: boolean, mayFail: boolean): void {
  const pool = attempt(attach, mayFail);
  if (pool === undefined) return;
  const mine: ArrayBuffer[] = [];
  const keep = (buffer: ArrayBuffer | null | undefined): void => {
    if (buffer === null || buffer === undefined) return;
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
  step(() => void new Uint8Array(pool.buffer).fill(7));
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

/** Flips bits of the system's own lock. */
function flipLock(held: boolean): void {
  using pool = MemPool.init(64 * 64, 64, { cachedBlocks: 0, lockTimeout: 1 });
  const { region, lock } = Attachment.open(pool.handle);
  const words = new Int32Array(region.meta.buffer, 0, LOCK_WORDS);
  for (let word = 0; word < LOCK_WORDS; word++) {
    // Pointers, which the system follows when the lock is given up: no limit that we set could help there.
    if (held && word >= 6 && word < 10) continue;
    for (let bit = 0; bit < 32; bit++) {
      say(`${word}.${bit} `);
      flipLockBit(words, word, bit, pool, held ? lock : undefined);
    }
  }
  say("\ndone\n");
}

function flipLockBit(
  words: Int32Array,
  word: number,
  bit: number,
  pool: MemPool,
  held: Attachment["lock"] | undefined,
): void {
  const whole = words.slice();
  held?.enter("flip");
  words[word]! ^= 1 << bit;
  held?.leave();
  const offset = attempt(() => pool.allocOffset(100), true);
  attempt(() => pool.check(), true);
  if (offset !== undefined) attempt(() => pool.freeOffset(offset), true);
  attempt(() => pool.stats(), true);
  words.set(whole);
  pool.check();
}

Error.stackTraceLimit = 0;
if (mode === "lock" || mode === "held") flipLock(mode === "held");
else await flipPool(mode === "checked");
