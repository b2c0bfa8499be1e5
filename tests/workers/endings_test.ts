/**
 * Threads that end while the engine compiles the code that uses a pool. Node 26.9 to 26.12 can crash then, if that code
 * calls native functions in the fast way: see src/runtime/node.ts. A crash ends the child process and fails the test.
 */

import { assertEquals } from "@std/assert";
import { runChild } from "../support/child.ts";
import { effort } from "../support/effort.ts";
import { test } from "../support/harness.ts";

const program = new URL("./_endings_program.ts", import.meta.url);
/** Milliseconds. */
const patience = effort(120_000, 1_800_000);
const options = { smallHeap: false };

const terminated = effort(40, 1000);

test(`endings - ${terminated} workers are terminated in hot code, one after the other, and the process goes on`, async () => {
  const printed = await runChild(program, ["terminate", String(terminated)], patience, options);
  assertEquals(JSON.parse(printed), { allocatedBlocks: 0, workers: 1 });
});

const programs = effort(12, 300);
/** Programs end after up to so many steps: the slowest runtime has compiled everything by then. */
const longest = 3000;

test(`endings - ${programs} programs end in hot code, and none crashes`, async () => {
  for (let done = 0; done < programs; done++) {
    const steps = 1 + Math.floor(longest * done / programs);
    assertEquals(await runChild(program, ["end", String(steps)], patience, options), "");
  }
});
