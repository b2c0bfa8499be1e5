/** Node calls no function of the pool through generated code, which can crash at the end of a thread. */

import { assertArrayIncludes, assertEquals } from "@std/assert";
import { LIBC_SIGNATURES } from "../../src/runtime/libc.ts";
import { SIGNATURES } from "../../src/runtime/symbols.ts";
import { runChild } from "../support/child.ts";
import { nodeTest } from "../support/harness.ts";

nodeTest("slow calls - Node calls every native function in the way that V8 does not compile", async () => {
  const program = new URL("./_slow_calls_program.ts", import.meta.url);
  const printed = await runChild(program, [], 60_000, { moreFlags: ["--expose-internals"] });
  const { all, fast } = JSON.parse(printed) as { all: string[]; fast: string[] };
  assertArrayIncludes([...Object.keys(SIGNATURES), ...Object.keys(LIBC_SIGNATURES)], all);
  assertArrayIncludes(all, Object.keys(SIGNATURES));
  assertEquals(fast, []);
});
