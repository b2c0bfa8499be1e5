/**
 * A pool that ends while everybody works on it. In a process of its own: where a stale buffer or a stale header made it
 * crash, the tests say by which signal, and go on.
 */

import { assert, assertEquals } from "@std/assert";
import { runChild } from "../support/child.ts";
import type { Footprint, Outcome } from "../support/destroy_orders.ts";
import { effort, soaking, tell } from "../support/effort.ts";
import { canMeasure } from "../support/footprint.ts";
import { skip, test } from "../support/harness.ts";
import { withSeed } from "../support/random.ts";

const program = new URL("./_destroy_program.ts", import.meta.url);

/** A program that takes longer hangs. Milliseconds. */
const PATIENCE = effort(60_000, 3_600_000);

/**
 * What engines and system need now more and now less of; a pool of these programs is 128 to 320 KB, and there are thousands.
 * A thread that the runtime starts late, as Deno does one, brings 64 MiB of address space and two descriptors.
 */
const SLACK: Footprint = { mappings: 200, descriptors: 2, addressSpace: 2 ** 27, memory: 2 ** 26 };

async function run(...args: (string | number)[]): Promise<Outcome> {
  const started = performance.now();
  const outcome = JSON.parse(await runChild(program, args.map(String), PATIENCE)) as Outcome;
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

const races = effort(20, 1000);
test(`destroy - ${races} pools while 8 workers use them: each later call says so, and nothing crashes or hangs`, () =>
  withSeed(async (seed) => {
    const outcome = await run("race", races, seed);
    assertEquals([outcome.rounds, outcome.wrong], [races, []]);
    assert(outcome.calls > races, "nobody did anything before the pool was gone: the test tests nothing");
    // After a few rounds the heaps of eight workers still grow.
    if (soaking && canMeasure) assertNoLeak(outcome);
  }));

const cycles = effort(3000, 10_000);
(canMeasure ? test : skip("only Linux says what a process has"))(
  `destroy - ${cycles} pools one after the other: descriptors, address space and memory stay`,
  async () => assertNoLeak(await run("cycle", cycles)),
);
