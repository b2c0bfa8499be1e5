/** The page of the demo: it shows the pool before, during and after the search. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Answer, Job } from "../../examples/n_puzzle/messages.ts";
import { randomPuzzle } from "../../examples/n_puzzle/puzzle.ts";
import { test } from "../support/harness.ts";
import { Events } from "../support/inspect.ts";
import { runDemo } from "./_cli.ts";
import { RunningProgram } from "../support/running_program.ts";

const permissions = ["--allow-ffi", "--allow-read", "--allow-write", "--allow-run", "--allow-net=127.0.0.1"];

function startSearch(job: Partial<Job>): RunningProgram {
  const { size, tiles } = randomPuzzle(4, 40, 1);
  const all: Job = { store: "pool", size, tiles: [...tiles], memory: 2 ** 23, workers: 1, inspect: true, ...job };
  return new RunningProgram(
    new URL("../../examples/n_puzzle/child.ts", import.meta.url),
    [JSON.stringify(all)],
    permissions,
  );
}

/** Skips the reports of progress and returns the answer. */
async function answerOf(search: RunningProgram): Promise<Answer> {
  for (;;) {
    const message = JSON.parse(await search.line());
    if (!("progress" in message)) return message;
  }
}

async function pageOf(search: RunningProgram): Promise<string> {
  const { page } = JSON.parse(await search.line());
  assertMatch(page, /^http:\/\/127\.0\.0\.1:\d+\/$/);
  return page;
}

for (const job of [{ store: "pool" }, { store: "buffers" }, { store: "pool", workers: 2, memory: 2 ** 25 }] as const) {
  test(`demo - the page shows the search filling its pool: ${Object.values(job).join(", ")}`, async () => {
    using search = startSearch(job);
    await using events = await Events.open(await pageOf(search));
    const { stats: before } = await events.until(({ state }) => state === "live");
    search.say(""); // like pressing Enter: starts the search
    await events.until(({ stats }) => stats!.allocatedBlocks > before!.allocatedBlocks);
    const answer = await answerOf(search);
    assert("result" in answer, JSON.stringify(answer));
    // The page catches up with the final state of the pool.
    const { stats: after, picture } = await events.until(({ stats }) => stats!.allocs >= answer.result.allocations);
    assert(after!.allocatedBlocks > 1000, `${after!.allocatedBlocks} blocks`);
    assert(picture!.includes("blocks allocated"));
    search.say("");
    assertEquals(await search.end(), { code: 0, stderr: "" });
  });
}

test("demo - the page still shows a pool that became full", async () => {
  using search = startSearch({ memory: 2 ** 20, tiles: [...randomPuzzle(4, 110, 7).tiles] });
  await using events = await Events.open(await pageOf(search));
  search.say("");
  assert("full" in await answerOf(search));
  await events.until(({ stats }) => stats!.exhausted > 0);
  assertEquals(await search.end(), { code: 0, stderr: "" });
});

test("demo - without a terminal it prints the address of the page, and does not wait", () => {
  const { code, stdout, stderr } = runDemo(["--inspect", "--moves", "30", "--json"]);
  assertMatch(stderr, /^Watch the pool at http:\/\/127\.0\.0\.1:\d+\/\n$/);
  assertEquals(code, 0);
  assertEquals(JSON.parse(stdout).store, "pool");
});
