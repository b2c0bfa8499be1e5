/**
 * Models the end of a pool while eight workers use it, and many pools one after another. The programs run in processes
 * of their own: if a stale buffer or a stale header crashed one, its test fails with the signal and the other tests go
 * on.
 *
 * How to read a failure: `wrong` lists what was not "destroyed", as "alloc after destroy: succeeds". "memory grew from
 * … to …" is a leak of pools, in bytes or in mappings and file descriptors.
 */

import { assert, assertEquals } from "@std/assert";
import { runChild } from "../support/child.ts";
import { effort, soaking, tell } from "../support/effort.ts";
import { canMeasure, type Footprint } from "../support/footprint.ts";
import { skip, test } from "../support/harness.ts";
import { withSeed } from "../support/random.ts";
import type { Outcome } from "./_destroy_orders.ts";

const program = new URL("./_destroy_program.ts", import.meta.url);

/** Milliseconds after which a program counts as hanging. */
const TIME_LIMIT = effort(60_000, 3_600_000);

/**
 * By how much a process may grow without a leak. Engines and system vary by less; a leak would be larger, because there
 * are more than a thousand pools of 128 to 320 KB. A thread that the runtime starts late brings 64 MiB of address space
 * and two descriptors; Deno starts one.
 */
const SLACK: Footprint = { mappings: 200, descriptors: 2, addressSpace: 2 ** 27, memory: 2 ** 26 };

async function run(args: readonly (string | number)[], smallHeap: boolean): Promise<Outcome> {
  const started = performance.now();
  const outcome = JSON.parse(await runChild(program, args.map(String), TIME_LIMIT, { smallHeap })) as Outcome;
  tell(`${args.join(" ")}: ${JSON.stringify(outcome)}, ${Math.round((performance.now() - started) / 1000)} s`);
  return outcome;
}

function assertNoLeak({ before, after }: Outcome): void {
  assert(before !== undefined && after !== undefined);
  for (const what of Object.keys(SLACK) as (keyof Footprint)[]) {
    const more = after[what] - before[what];
    assert(more <= SLACK[what], `${what} grew from ${before[what]} to ${after[what]}`);
  }
}

const races = effort(10, 1000);
test(`destroy - ${races} pools, each while 8 workers use it: later calls throw destroyed, nothing crashes or hangs`, () =>
  withSeed(async (seed) => {
    const outcome = await run(["race", races, seed], soaking);
    assertEquals([outcome.rounds, outcome.wrong], [races, []]);
    assert(outcome.calls > races, "no worker made a call before its pool was destroyed: the test tests nothing");
    // Not after a few rounds, because then the heaps of eight workers still grow.
    if (soaking && canMeasure) assertNoLeak(outcome);
  }));

const cycles = effort(2000, 10_000);
(canMeasure ? test : skip("only Linux reports the resources of a process"))(
  `destroy - ${cycles} pools one after another: mappings, descriptors, address space and memory do not grow`,
  async () => assertNoLeak(await run(["cycle", cycles], true)),
);
