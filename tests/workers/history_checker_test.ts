/** The checker of histories, on some that a person can judge. */

import { assertEquals } from "@std/assert";
import { test } from "../support/harness.ts";
import { type Call, isLinearizable, NONE, type Operation, overlaps } from "./_history_checker.ts";

/** Calls of a history that is given as rows: worker, invocation, return, operation. */
function history(...rows: [number, number, number, Operation][]): Call[] {
  return rows.map(([worker, invoked, returned, operation]) => ({ worker, invoked, returned, operation }));
}

const alloc = (got: number, length = 1): Operation => ({ kind: "alloc", length, got });
const allocMany = (got: [number, number] | typeof NONE): Operation => ({ kind: "allocMany", got });
const free = (block: number, done = true): Operation => ({ kind: "free", block, done });
const freeMany = (blocks: [number, number], done = true): Operation => ({ kind: "freeMany", blocks, done });
const look = (block: number, done = true): Operation => ({ kind: "look", block, done });

/** Expects a history on a pool of two blocks to be explained or not, however `alloc` is seen. */
function judge(name: string, expected: boolean, ...rows: [number, number, number, Operation][]): void {
  test(`linearizable - ${expected ? "yes" : "no"}: ${name}`, () => {
    for (const changing of ["at once", "in steps"] as const) {
      assertEquals(isLinearizable(2, history(...rows), changing), expected, changing);
    }
  });
}

judge("nothing", true);
judge(
  "one worker, in its order",
  true,
  [0, 0, 1, alloc(1)],
  [0, 2, 3, alloc(0)],
  [0, 4, 5, alloc(NONE)],
  [0, 6, 7, free(1)],
  [0, 8, 9, free(1, false)],
  [0, 10, 11, free(0)],
  [0, 12, 13, alloc(0, 2)],
);
judge(
  "one block is handed out twice",
  false,
  [0, 0, 1, alloc(0)],
  [1, 2, 3, alloc(0)],
);
judge(
  "one block is handed out twice, at the same moment",
  false,
  [0, 0, 3, alloc(0)],
  [1, 1, 2, alloc(0)],
);
judge(
  "one block is handed out twice, and freed between",
  true,
  [0, 0, 9, alloc(0)],
  [1, 1, 8, alloc(0)],
  [2, 2, 7, free(0)],
);
judge(
  "a run over a block that is allocated",
  false,
  [0, 0, 1, alloc(1)],
  [0, 2, 3, alloc(0, 2)],
);
judge(
  "a run past the end",
  false,
  [0, 0, 1, alloc(1, 2)],
);
judge(
  "null, though a block is free",
  false,
  [0, 0, 1, alloc(0)],
  [1, 2, 3, alloc(NONE)],
);
judge(
  "null for two, with one free",
  true,
  [0, 0, 1, alloc(0)],
  [1, 2, 3, alloc(NONE, 2)],
);
judge(
  "null while another still holds the last block",
  true,
  [0, 0, 1, alloc(0, 2)],
  [0, 2, 5, free(0)],
  [1, 3, 4, alloc(NONE)],
);
judge(
  "null after another has freed the last block",
  false,
  [0, 0, 1, alloc(0, 2)],
  [0, 2, 3, free(0)],
  [1, 4, 5, alloc(NONE)],
);
judge(
  "null, while always one of two blocks was free",
  false,
  [0, 0, 1, alloc(0)],
  [1, 2, 9, alloc(NONE)],
  [0, 3, 4, free(0)],
  [2, 5, 6, alloc(1)],
);
judge(
  "two free one block: both succeed",
  false,
  [0, 0, 1, alloc(0)],
  [0, 2, 5, free(0)],
  [1, 3, 4, free(0)],
);
judge(
  "two free one block: neither succeeds",
  false,
  [0, 0, 1, alloc(0)],
  [0, 2, 5, free(0, false)],
  [1, 3, 4, free(0, false)],
);
judge(
  "a free is refused before the block was handed out",
  true,
  [0, 0, 3, alloc(0)],
  [1, 1, 2, free(0, false)],
);
judge(
  "a free is refused after the block was handed out",
  false,
  [0, 0, 1, alloc(0)],
  [1, 2, 3, free(0, false)],
);
judge(
  "a free inside of a run",
  false,
  [0, 0, 1, alloc(0, 2)],
  [1, 2, 3, free(1)],
);
judge(
  "a free of a run frees all of it",
  true,
  [0, 0, 1, alloc(0, 2)],
  [0, 2, 3, free(0)],
  [1, 4, 5, alloc(1)],
);
judge(
  "a look sees the block free after it saw it allocated",
  false,
  [0, 0, 9, alloc(0)],
  [1, 1, 2, look(0)],
  [1, 3, 4, look(0, false)],
);
judge(
  "many: one block twice",
  false,
  [0, 0, 1, allocMany([0, 0])],
);
judge(
  "many: null with one block free",
  true,
  [0, 0, 1, alloc(0)],
  [0, 2, 3, allocMany(NONE)],
);
judge(
  "many: null, and another saw what it had for a moment",
  false,
  [0, 0, 1, alloc(0)],
  [0, 2, 7, allocMany(NONE)],
  [1, 3, 4, look(1)],
);
judge(
  "many: frees both",
  true,
  [0, 0, 1, allocMany([1, 0])],
  [0, 2, 3, freeMany([0, 1])],
  [1, 4, 5, alloc(0, 2)],
);
judge(
  "many: refused, and one of the two is freed",
  false,
  [0, 0, 1, alloc(0)],
  [0, 2, 3, freeMany([0, 1], false)],
  [1, 4, 5, look(0, false)],
);
judge(
  "many: one block named twice",
  false,
  [0, 0, 1, alloc(0)],
  [0, 2, 3, freeMany([0, 0])],
);

test("linearizable - a block that is no longer free and not yet allocated: only where changes have steps", () => {
  const calls = history([0, 0, 1, alloc(0)], [0, 2, 9, alloc(1)], [1, 3, 4, alloc(NONE)], [1, 5, 6, free(1, false)]);
  assertEquals([isLinearizable(2, calls, "at once"), isLinearizable(2, calls, "in steps")], [false, true]);
});

test("linearizable - a block that is no longer allocated and not yet free: only where changes have steps", () => {
  const calls = history(
    [0, 0, 1, alloc(0, 2)],
    [0, 2, 9, free(0)],
    [1, 3, 4, free(0, false)],
    [1, 5, 6, alloc(NONE)],
  );
  assertEquals([isLinearizable(2, calls, "at once"), isLinearizable(2, calls, "in steps")], [false, true]);
});

test("linearizable - overlapping calls are those of two workers at the same time", () => {
  assertEquals(overlaps(history([0, 0, 1, look(0)], [1, 2, 3, look(0)])), false);
  assertEquals(overlaps(history([0, 0, 2, look(0)], [1, 1, 3, look(0)])), true);
});
