/**
 * Models workers that call a tiny pool at the same moment, and compares every result with a pool without concurrency:
 * for each short history of calls there must be an order of the calls that explains all results (_history_checker.ts).
 * It finds blocks that are handed out twice or lost, `null` although a block is free, and frees that succeed twice or
 * not at all, in any interleaving that occurs.
 *
 * How to read a failure: CONTRIBUTING.md has an example, "Read a failed linearizability history".
 */

import { assert } from "@std/assert";
import { effort, tell } from "../support/effort.ts";
import { test, type TestWorker, withWorkers } from "../support/harness.ts";
import { type HistoriesOrder, makeLog, readHistory, WORDS_BYTES } from "./_history_log.ts";
import { type Call, type Changing, NONE, overlaps, pictureOf, unexplained } from "./_history_checker.ts";
import { insideOf, makePool, withoutBarrier } from "../support/pool.ts";
import { withSeed } from "../support/random.ts";

interface Setup {
  readonly blocks: number;
  readonly cachedBlocks: number;
  /** Whether workers may claim cached blocks by plain stores. */
  readonly plainClaims: boolean;
  /** Whether workers also free and look at blocks that are not their own. */
  readonly guesses: boolean;
  readonly checked?: boolean;
}

const setups: readonly Setup[] = [2, 3, 4, 5, 6].flatMap((blocks) => [
  { blocks, cachedBlocks: 0, plainClaims: false, guesses: true },
  ...[1, blocks].flatMap((cachedBlocks) => [
    { blocks, cachedBlocks, plainClaims: true, guesses: false },
    { blocks, cachedBlocks, plainClaims: false, guesses: false },
    { blocks, cachedBlocks, plainClaims: true, guesses: true },
  ]),
  { blocks, cachedBlocks: 0, plainClaims: false, guesses: true, checked: true },
]);

/** How many histories of one pool follow each other. */
const AT_A_TIME = effort(10, 500);

interface Tally {
  histories: number;
  calls: number;
  overlapping: number;
  exhausted: number;
  refused: number;
}

/** Lets the workers make histories with one pool, and judges each. */
async function tryHistories(
  team: TestWorker[],
  setup: Setup,
  histories: number,
  seed: number,
  tally: Tally,
): Promise<void> {
  const { blocks, cachedBlocks, plainClaims, guesses, checked = false } = setup;
  using pool = makePool({ blocks, cachedBlocks, checked });
  const { header } = insideOf(pool).region;
  if (!plainClaims) withoutBarrier(header);
  const changing: Changing = cachedBlocks > 0 && guesses ? "in steps" : "at once";
  const log = makeLog(team.length, histories);
  const words = new SharedArrayBuffer(WORDS_BYTES);
  await Promise.all(team.map((worker, place) => {
    const order: HistoriesOrder = {
      handle: pool.handle,
      worker: place,
      workers: team.length,
      seed,
      histories,
      guesses,
      words,
      log,
    };
    return worker.call(order);
  }));
  for (let number = 0; number < histories; number++) {
    const calls = readHistory(new Int32Array(log), team.length, number);
    const stuck = unexplained(blocks, calls, changing);
    assert(
      stuck.length === 0,
      `no order of the calls of history ${number} explains their results, on ${textOf(setup)}\n${
        pictureOf(calls, stuck)
      }`,
    );
    count(calls, tally);
  }
  pool.check();
}

function textOf({ blocks, cachedBlocks, plainClaims, guesses, checked = false }: Setup): string {
  const claims = plainClaims ? "claims by plain stores" : "claims by exchange";
  const cache = cachedBlocks === 0 ? "no worker caches" : `worker caches of ${cachedBlocks}, ${claims}`;
  const frees = guesses ? "workers also free blocks of others" : "workers free only their own blocks";
  return `${blocks} blocks, ${checked ? "checked, " : ""}${cache}, ${frees}`;
}

function count(calls: readonly Call[], tally: Tally): void {
  tally.histories++;
  tally.calls += calls.length;
  tally.overlapping += Number(overlaps(calls));
  for (const { operation } of calls) {
    if ("got" in operation) tally.exhausted += Number(operation.got === NONE);
    else tally.refused += Number(!operation.done);
  }
}

/** Tries all setups repeatedly, until there are enough histories or time is up. */
async function tryAllSetups(workers: number, histories: number, seed: number): Promise<Tally> {
  const tally = { histories: 0, calls: 0, overlapping: 0, exhausted: 0, refused: 0 };
  await withWorkers(new URL("./_history_worker.ts", import.meta.url), workers, async (team) => {
    for (const until = performance.now() + TIME; tally.histories < histories && performance.now() < until;) {
      for (const setup of setups) await tryHistories(team, setup, AT_A_TIME, seed + tally.histories, tally);
    }
  });
  return tally;
}

/** Milliseconds for each test. With fewer cores than threads, meeting takes long. */
const TIME = effort(500, Infinity);

const most = { 2: effort(10_000, 500_000), 3: effort(5000, 50_000), 4: effort(5000, 50_000) };

for (const workers of [2, 3, 4] as const) {
  test(`linearizability - up to ${most[workers]} histories of ${workers} workers on 2 to 6 blocks`, () =>
    withSeed(async (seed) => {
      const started = performance.now();
      const tally = await tryAllSetups(workers, most[workers], seed);
      const share = Math.round(100 * tally.overlapping / tally.histories);
      const seconds = Math.round((performance.now() - started) / 1000);
      tell(`${workers} workers: ${JSON.stringify(tally)}, calls overlap in ${share} %, ${seconds} s`);
      assert(tally.exhausted > 0 && tally.refused > 0, "no call was ever refused: the test tests nothing");
    }));
}
