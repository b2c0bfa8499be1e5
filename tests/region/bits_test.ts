/**
 * Models stray writes into a region: a flipped bit in any word, or garbage in many words. After each flip, either
 * `check` must report it, or every call must work as in an intact pool (_exercise.ts). After garbage, calls may throw
 * "corrupt", but no call may hang, access memory outside the region, or throw anything else. The same is done to a
 * simulated pool, where it is fast and every access is checked, and to real pools in processes of their own.
 *
 * How to read a failure:
 *
 * - "bit 3 of word 5012, LENGTH, FREE: …" names the flipped bit, the kind of word (_words.ts), and what then went
 *   wrong.
 * - "kinds of words whose errors are not found" lists kinds that `check` missed and that _words.ts does not list.
 *   Either `check` must find them, or their corruption is harmless and belongs into the table, with the reason.
 * - "The child was ended by SIGSEGV. It wrote: … 5012.3": the last bit in the output crashed the process.
 *
 * With the seed of the message in tests/support/random.ts, the same bits are flipped again.
 */

import process from "node:process";
import { assert, assertEquals } from "@std/assert";
import { MemPoolError } from "mempool";
import {
  AWAITED,
  cacheWord,
  FIRST_LEVEL_MAP,
  HOLDER,
  QUEUE_END,
  QUEUE_FIRST,
  REQUEST_WORDS,
  SLOT_COUNT,
  SLOT_WORDS,
  SLOTS,
  STATE,
  tableWord,
  waitQueueWord,
} from "../../src/region/layout.ts";
import { runChild } from "../support/child.ts";
import { effort, soaking, tell } from "../support/effort.ts";
import { skip, test } from "../support/harness.ts";
import { withSeed } from "../support/random.ts";
import { bitsOf, withoutStackTraces } from "./_flips.ts";
import { populate, POPULATED_SHAPE, type PopulatedPool } from "./_populated_pool.ts";
import { type Draw, sequenceFrom } from "../support/sequence.ts";
import { Exercise } from "./_exercise.ts";
import { SimMemory } from "../support/simulation.ts";
import { holdsRequested, kindsOfWords, LATER, LOCK_WORDS, SILENT } from "./_words.ts";

/** A simulated, populated pool that can be reset to its intact state. */
class Specimen {
  readonly memory = SimMemory.make(POPULATED_SHAPE);
  readonly pool: PopulatedPool = populate(this.memory);
  readonly words = new Int32Array(this.memory.meta);
  readonly kinds = kindsOfWords(this.pool.workers[0]!.region);
  readonly #intact: SimMemory;

  constructor() {
    this.memory.living.delete(this.pool.dead.thread);
    this.#intact = this.memory.copy();
  }

  reset(): void {
    this.memory.restore(this.#intact);
  }

  /** Whether `check` reports corruption to one of the workers. */
  isFoundCorrupt(): boolean {
    return this.pool.workers.some((worker) => {
      try {
        worker.check();
        return false;
      } catch (error) {
        if (error instanceof MemPoolError && error.code === "corrupt") return true;
        throw error;
      }
    });
  }
}

test("bits - in an intact pool, check passes and every call succeeds", () => {
  const specimen = new Specimen();
  assertEquals(specimen.isFoundCorrupt(), false);
  specimen.reset();
  new Exercise(specimen.memory, specimen.pool, true).run();
});

test("bits - each flipped bit: check reports it, or every call works as in an intact pool", () =>
  withSeed(async (seed) => {
    const specimen = new Specimen();
    const silent = new Map<string, number>();
    let found = 0;
    withoutStackTraces(() => {
      for (const [word, bit] of bitsOf(specimen.kinds, sequenceFrom(seed), () => true, 4)) {
        const kind = specimen.kinds[word]!;
        if (flip(specimen, word, bit)) found++;
        else silent.set(kind, (silent.get(kind) ?? 0) + 1);
      }
    });
    const unknown = [...silent.keys()].filter((kind) => !(kind in SILENT || kind in LATER));
    assertEquals(unknown, [], "kinds of words whose errors are not found and that _words.ts does not list");
    if (soaking) {
      const found = Object.keys(SILENT).filter((kind) => !silent.has(kind));
      assertEquals(found, [], "kinds of words in SILENT whose errors are always found");
    }
    tell(`bits: check found ${found} flips; it missed, by kind of word: ${JSON.stringify([...silent])}`);
  }));

/** Flips a bit and calls everything. Returns whether `check` reported it. */
function flip(specimen: Specimen, word: number, bit: number): boolean {
  const { memory, pool, words, kinds } = specimen;
  try {
    specimen.reset();
    words[word]! ^= 1 << bit;
    const found = specimen.isFoundCorrupt();
    // Taking the lock for `check` may have started a recovery, which repairs words.
    specimen.reset();
    words[word]! ^= 1 << bit;
    new Exercise(memory, pool, !found && !(kinds[word]! in LATER), !holdsRequested(kinds[word]!)).run();
    return found;
  } catch (error) {
    throw new Error(`bit ${bit} of word ${word}, ${kinds[word]}: ${String(error)}`, { cause: error });
  }
}

/** A random word: often a small number or a block number, as regions contain them. */
function garbage(draw: Draw): number {
  switch (draw(4)) {
    case 0:
      return draw(8);
    case 1:
      return draw(POPULATED_SHAPE.blocks);
    case 2:
      return -1;
    default:
      return draw(2 ** 32) | 0;
  }
}

/** The words of the region from `from` to the one before `to`. */
function metaWords({ pool }: Specimen, from: number, to?: number): Int32Array {
  return pool.workers[0]!.region.meta.subarray(from, to);
}

/** The parts of a region that are filled with garbage. */
const PARTS: Readonly<Record<string, (specimen: Specimen) => Int32Array>> = {
  "the table": ({ pool }) => pool.workers[0]!.region.table.words,
  "lists and bitmaps": (specimen) => metaWords(specimen, FIRST_LEVEL_MAP, SLOTS),
  "the worker slots": (specimen) => metaWords(specimen, SLOTS, SLOTS + SLOT_COUNT * SLOT_WORDS),
  "caches and depot": (specimen) =>
    metaWords(specimen, cacheWord(0, POPULATED_SHAPE.cachedBlocks), tableWord(POPULATED_SHAPE.cachedBlocks)),
  "everything but the lock and the words that are written once": (specimen) => metaWords(specimen, HOLDER),
  "everything but the lock": (specimen) => metaWords(specimen, LOCK_WORDS),
};

for (const [part, wordsOf] of Object.entries(PARTS)) {
  test(`garbage - in ${part}: every call returns, or throws only corrupt`, () =>
    withSeed(async (seed) => {
      const specimen = new Specimen();
      const draw = sequenceFrom(seed);
      withoutStackTraces(() => {
        for (let round = 0; round < effort(150, 5000); round++) {
          specimen.reset();
          const words = wordsOf(specimen);
          // From one word in 128 to all of them.
          const share = 1 << draw(8);
          for (let word = 0; word < words.length; word++) if (draw(share) === 0) words[word] = garbage(draw);
          new Exercise(specimen.memory, specimen.pool, false).run();
        }
      });
    }));
}

test("garbage - in the wait queue of an awaited pool: every call returns, or throws only corrupt", () =>
  withSeed(async (seed) => {
    const specimen = new Specimen();
    const { header } = specimen.pool.workers[0]!.region;
    const ring = metaWords(specimen, waitQueueWord(POPULATED_SHAPE.cachedBlocks)).subarray(0, 8 * REQUEST_WORDS);
    const draw = sequenceFrom(seed);
    withoutStackTraces(() => {
      for (let round = 0; round < effort(150, 5000); round++) {
        specimen.reset();
        header[STATE] = AWAITED;
        header[QUEUE_END] = draw(9);
        if (draw(4) === 0) header[QUEUE_FIRST + draw(3)] = garbage(draw);
        for (let word = 0; word < ring.length; word++) ring[word] = garbage(draw);
        new Exercise(specimen.memory, specimen.pool, false).run();
      }
    });
  }));

const program = new URL("./_bits_program.ts", import.meta.url);

for (const mode of ["pool", "checked"] as const) {
  const name = mode === "pool" ? "pool" : "checked pool";
  test(`bits - flipped in a real ${name}: no crash, no hang, no error but MemPoolError`, () =>
    withSeed(async (seed) => {
      const output = await runChild(program, [mode, `${seed}`], effort(120_000, 3_600_000), { smallHeap: false });
      const [, flips, found] = /(\d+) flips, (\d+) found\n$/.exec(output) ?? [];
      assert(Number(flips) > 150 && Number(found) > 20, `The child tried ${flips} flips and found ${found}`);
      tell(`bits of a real ${name}: ${flips} flips, ${found} found`);
    }));
}

const linuxTest = process.platform === "linux" ? test : skip("the words of the lock are glibc's");

for (const when of ["lock", "held"] as const) {
  linuxTest(
    `bits - flipped in the lock while ${when === "lock" ? "no thread holds" : "a thread holds"} it: every call returns`,
    async () => {
      const output = await runChild(program, [when, "0"], 120_000, { smallHeap: false });
      assert(output.endsWith("\ndone\n"), output.slice(-100));
    },
  );
}
