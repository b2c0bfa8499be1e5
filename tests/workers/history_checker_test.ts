/** The checker of histories (_history_checker.ts), on histories that are short enough to judge by hand. */

import { assertEquals } from "@std/assert";
import { test } from "../support/harness.ts";
import {
  type Call,
  isLinearizable,
  NONE,
  type Operation,
  overlaps,
  pictureOf,
  unexplained,
} from "./_history_checker.ts";

/** A history from rows of worker, invocation, return, operation. */
function history(...rows: [number, number, number, Operation][]): Call[] {
  return rows.map(([worker, invoked, returned, operation]) => ({ worker, invoked, returned, operation }));
}

const alloc = (got: number, length = 1): Operation => ({ kind: "alloc", length, got });
const allocMany = (got: [number, number] | typeof NONE): Operation => ({ kind: "allocMany", got });
const free = (block: number, done = true): Operation => ({ kind: "free", block, done });
const freeMany = (blocks: [number, number], done = true): Operation => ({ kind: "freeMany", blocks, done });
const look = (block: number, done = true): Operation => ({ kind: "look", block, done });

/**
 * Registers a test that a history on a pool of two blocks is linearizable or not, for both ways in which blocks change.
 */
function judge(name: string, expected: boolean, ...rows: [number, number, number, Operation][]): void {
  test(`linearizable - ${expected ? "yes" : "no"}: ${name}`, () => {
    for (const changing of ["at once", "in steps"] as const) {
      assertEquals(isLinearizable(2, history(...rows), changing), expected, changing);
    }
  });
}

judge("an empty history", true);
judge(
  "one worker, whose calls follow each other",
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
  "null while another worker has not yet returned from freeing the last block",
  true,
  [0, 0, 1, alloc(0, 2)],
  [0, 2, 5, free(0)],
  [1, 3, 4, alloc(NONE)],
);
judge(
  "null after another worker has freed the last block",
  false,
  [0, 0, 1, alloc(0, 2)],
  [0, 2, 3, free(0)],
  [1, 4, 5, alloc(NONE)],
);
judge(
  "null, although at every moment one of two blocks was free",
  false,
  [0, 0, 1, alloc(0)],
  [1, 2, 9, alloc(NONE)],
  [0, 3, 4, free(0)],
  [2, 5, 6, alloc(1)],
);
judge(
  "two workers free one block, and both succeed",
  false,
  [0, 0, 1, alloc(0)],
  [0, 2, 5, free(0)],
  [1, 3, 4, free(0)],
);
judge(
  "two workers free one block, and neither succeeds",
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
  "a free inside a run",
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
  "two looks of one worker see the block allocated and then free, without a free",
  false,
  [0, 0, 9, alloc(0)],
  [1, 1, 2, look(0)],
  [1, 3, 4, look(0, false)],
);
judge(
  "allocMany returns one block twice",
  false,
  [0, 0, 1, allocMany([0, 0])],
);
judge(
  "allocMany returns null with one block free",
  true,
  [0, 0, 1, alloc(0)],
  [0, 2, 3, allocMany(NONE)],
);
judge(
  "allocMany returns null, and another worker saw a block allocated for a moment",
  false,
  [0, 0, 1, alloc(0)],
  [0, 2, 7, allocMany(NONE)],
  [1, 3, 4, look(1)],
);
judge(
  "freeMany frees both",
  true,
  [0, 0, 1, allocMany([1, 0])],
  [0, 2, 3, freeMany([0, 1])],
  [1, 4, 5, alloc(0, 2)],
);
judge(
  "freeMany is refused, and one of the two is freed",
  false,
  [0, 0, 1, alloc(0)],
  [0, 2, 3, freeMany([0, 1], false)],
  [1, 4, 5, look(0, false)],
);
judge(
  "freeMany frees one block that is named twice",
  false,
  [0, 0, 1, alloc(0)],
  [0, 2, 3, freeMany([0, 0])],
);

test("linearizable - a block that is no longer free and not yet allocated: only if changes have steps", () => {
  const calls = history([0, 0, 1, alloc(0)], [0, 2, 9, alloc(1)], [1, 3, 4, alloc(NONE)], [1, 5, 6, free(1, false)]);
  assertEquals([isLinearizable(2, calls, "at once"), isLinearizable(2, calls, "in steps")], [false, true]);
});

test("linearizable - a block that is no longer allocated and not yet free: only if changes have steps", () => {
  const calls = history(
    [0, 0, 1, alloc(0, 2)],
    [0, 2, 9, free(0)],
    [1, 3, 4, free(0, false)],
    [1, 5, 6, alloc(NONE)],
  );
  assertEquals([isLinearizable(2, calls, "at once"), isLinearizable(2, calls, "in steps")], [false, true]);
});

test("overlaps - is true if two workers were in calls at the same time", () => {
  assertEquals(overlaps(history([0, 0, 1, look(0)], [1, 2, 3, look(0)])), false);
  assertEquals(overlaps(history([0, 0, 2, look(0)], [1, 1, 3, look(0)])), true);
});

test("unexplained - returns the calls that could follow the longest order in time, but not with their results", () => {
  const calls = history([0, 0, 5, alloc(0)], [1, 1, 2, alloc(0)], [2, 3, 4, alloc(1)], [1, 6, 7, free(0)]);
  // Two of the three allocations can be ordered. Then block 0 is allocated, so the third one cannot follow.
  assertEquals(unexplained(2, calls, "at once"), [calls[0]!]);
  assertEquals(unexplained(2, calls.slice(1), "at once"), []);
});

test("pictureOf - shows a line for each call, a column for each worker, and marks the given calls", () => {
  const calls = history(
    [1, 101, 103, alloc(NONE, 2)],
    [0, 100, 102, allocMany([1, 0])],
    [0, 104, 105, freeMany([0, 1], false)],
    [1, 106, 107, free(1)],
    [0, 108, 109, look(1, false)],
  );
  assertEquals(
    pictureOf(calls, [calls[2]!]).split("\n"),
    [
      "   moments  worker 0                   worker 1",
      "    0 to 2  allocMany 2: 1 and 0",
      "    1 to 3                             alloc 2: null",
      "*   4 to 5  freeMany 0 and 1: refused",
      "    6 to 7                             free 1: done",
      "    8 to 9  look at 1: not allocated",
    ],
  );
});
