/** Registers a function that the runner calls after the last test of the file, on either runtime. */

import process from "node:process";

export const afterAll: (end: () => void) => void = "Deno" in globalThis
  ? Deno.test.afterAll
  : (process.getBuiltinModule("bun:test") as unknown as { afterAll: (end: () => void) => void }).afterAll;
