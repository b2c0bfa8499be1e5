/**
 * A header and a table that lie. Every bit is flipped once: then `check` says so, or whatever is done goes as it should. With
 * whole pages of garbage too no call hangs, faults, or fails by another error than MemPoolError.
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
import { bitsOf, withoutStacks } from "./_flips.ts";
import { enrich, RICH, type Rich } from "./_rich.ts";
import { type Draw, sequenceFrom } from "../support/sequence.ts";
import { Series } from "./_series.ts";
import { SimMemory } from "../support/simulation.ts";
import { kindsOfWords, LATER, LOCK_WORDS, saysLength, SILENT } from "./_words.ts";

/** A rich pool, as often as it is wanted. */
class Theatre {
  readonly memory = SimMemory.make(RICH);
  readonly rich: Rich = enrich(this.memory);
  readonly words = new Int32Array(this.memory.meta);
  readonly kinds = kindsOfWords(this.rich.workers[0]!.region);
  readonly #whole: SimMemory;

  constructor() {
    this.memory.living.delete(this.rich.dead.thread);
    this.#whole = this.memory.copy();
  }

  reset(): void {
    this.memory.restore(this.#whole);
  }

  /** Whether one of the workers finds that something is wrong. */
  finds(): boolean {
    return this.rich.workers.some((worker) => {
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

test("bits - the series goes as it should in a pool that is whole", () => {
  const theatre = new Theatre();
  assertEquals(theatre.finds(), false);
  theatre.reset();
  new Series(theatre.memory, theatre.rich, true).run();
});

test("bits - every bit flipped once: it is found, or everything goes as it should", () =>
  withSeed(async (seed) => {
    const theatre = new Theatre();
    const silent = new Map<string, number>();
    let found = 0;
    withoutStacks(() => {
      for (const [word, bit] of bitsOf(theatre.kinds, sequenceFrom(seed), () => true)) {
        const kind = theatre.kinds[word]!;
        if (flip(theatre, word, bit)) found++;
        else silent.set(kind, (silent.get(kind) ?? 0) + 1);
      }
    });
    const unknown = [...silent.keys()].filter((kind) => !(kind in SILENT || kind in LATER));
    assertEquals(unknown, [], "kinds of words whose errors are not found");
    if (soaking) {
      assertEquals(Object.keys(SILENT).filter((kind) => !silent.has(kind)), [], "kinds of words that are found");
    }
    tell(`bits: ${found} flips found, harmless ones by kind: ${JSON.stringify([...silent])}`);
  }));

/** Flips a bit and tries everything. Says whether it was found. */
function flip(theatre: Theatre, word: number, bit: number): boolean {
  const { memory, rich, words, kinds } = theatre;
  try {
    theatre.reset();
    words[word]! ^= 1 << bit;
    const found = theatre.finds();
    // `check` may have mended something.
    theatre.reset();
    words[word]! ^= 1 << bit;
    new Series(memory, rich, !found && !(kinds[word]! in LATER), !saysLength(kinds[word]!)).run();
    return found;
  } catch (error) {
    throw new Error(`bit ${bit} of word ${word}, ${kinds[word]}: ${String(error)}`, { cause: error });
  }
}

/** Words as they might stand somewhere in a region, and others. */
function garbage(draw: Draw): number {
  switch (draw(4)) {
    case 0:
      return draw(8);
    case 1:
      return draw(RICH.blocks);
    case 2:
      return -1;
    default:
      return draw(2 ** 32) | 0;
  }
}

/** These words of the header and what follows it. */
function metaWords({ rich }: Theatre, from: number, to?: number): Int32Array {
  return rich.workers[0]!.region.meta.subarray(from, to);
}

/** Parts of a region. */
const PARTS: Readonly<Record<string, (theatre: Theatre) => Int32Array>> = {
  "the table": ({ rich }) => rich.workers[0]!.region.table.words,
  "lists and bitmaps": (theatre) => metaWords(theatre, FIRST_LEVEL_MAP, SLOTS),
  "the slots": (theatre) => metaWords(theatre, SLOTS, SLOTS + SLOT_COUNT * SLOT_WORDS),
  "caches and depot": (theatre) => metaWords(theatre, cacheWord(0, RICH.cachedBlocks), tableWord(RICH.cachedBlocks)),
  "all but the lock and what is written once": (theatre) => metaWords(theatre, HOLDER),
  "all but the lock": (theatre) => metaWords(theatre, LOCK_WORDS),
};

for (const [part, wordsOf] of Object.entries(PARTS)) {
  test(`garbage - in ${part}: every call comes to an end, and says corrupt if anything`, () =>
    withSeed(async (seed) => {
      const theatre = new Theatre();
      const draw = sequenceFrom(seed);
      withoutStacks(() => {
        for (let round = 0; round < effort(150, 5000); round++) {
          theatre.reset();
          const words = wordsOf(theatre);
          // From a few words to all of them.
          const share = 1 << draw(8);
          for (let word = 0; word < words.length; word++) if (draw(share) === 0) words[word] = garbage(draw);
          new Series(theatre.memory, theatre.rich, false).run();
        }
      });
    }));
}

test("garbage - in the queue of an awaited pool: every call comes to an end, and says corrupt if anything", () =>
  withSeed(async (seed) => {
    const theatre = new Theatre();
    const { header } = theatre.rich.workers[0]!.region;
    const ring = metaWords(theatre, waitQueueWord(RICH.cachedBlocks)).subarray(0, 8 * REQUEST_WORDS);
    const draw = sequenceFrom(seed);
    withoutStacks(() => {
      for (let round = 0; round < effort(150, 5000); round++) {
        theatre.reset();
        header[STATE] = AWAITED;
        header[QUEUE_END] = draw(9);
        if (draw(4) === 0) header[QUEUE_FIRST + draw(3)] = garbage(draw);
        for (let word = 0; word < ring.length; word++) ring[word] = garbage(draw);
        new Series(theatre.memory, theatre.rich, false).run();
      }
    });
  }));

const program = new URL("./_bits_program.ts", import.meta.url);

for (const mode of ["pool", "checked"] as const) {
  test(`bits - of a real ${mode === "pool" ? "pool" : "checked pool"}: no crash, no hang, nothing but MemPoolError`, () =>
    withSeed(async (seed) => {
      const said = await runChild(program, [mode, `${seed}`], effort(120_000, 3_600_000));
      const [, flips, found] = /(\d+) flips, (\d+) found\n$/.exec(said) ?? [];
      assert(Number(flips) > 150 && Number(found) > 20, `The child tried ${flips} flips and found ${found}`);
      tell(`bits of a real ${mode}: ${flips} flips, ${found} found`);
    }));
}

const linuxTest = process.platform === "linux" ? test : skip("the lock has other words there");

for (const when of ["lock", "held"] as const) {
  linuxTest(
    `bits - of the lock itself while ${when === "lock" ? "nobody" : "somebody"} has it: every call comes to an end`,
    async () => {
      const said = await runChild(program, [when, "0"], 120_000);
      assert(said.endsWith("\ndone\n"), said.slice(-100));
    },
  );
}
