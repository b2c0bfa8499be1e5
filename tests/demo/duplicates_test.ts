import { assertEquals, assertThrows } from "@std/assert";
import { BATCH, DuplicateDetection, type Lookups } from "../../examples/n_puzzle/duplicate_detection.ts";
import { ArrayStacks } from "../../examples/n_puzzle/stores/array_stacks.ts";
import { BucketQueue, NO_LIMIT } from "../../examples/n_puzzle/stores/bucket_queue.ts";
import { Random } from "../../examples/n_puzzle/random.ts";
import { test } from "../support/harness.ts";

/** A state is a number: the board times 100, plus g. */
class Lookup implements Lookups<number> {
  readonly none = -1;
  readonly known = new Map<number, number>();
  readonly frontier: number[] = [];
  readonly released: number[] = [];
  expected: number[] = [];
  /** How many boards there is room for. */
  room = Infinity;

  expect(states: readonly number[], count: number): void {
    assertEquals(this.expected, [], "all expected states have been looked up");
    this.expected = states.slice(0, count);
  }

  know(state: number): number {
    assertEquals(this.expected.shift(), state);
    const board = Math.floor(state / 100);
    const known = this.known.get(board);
    if (known !== undefined) return known;
    if (this.known.size >= this.room) throw new Error("full");
    this.known.set(board, state);
    return this.none;
  }

  g(state: number): number {
    return state % 100;
  }

  replace(known: number, state: number): void {
    assertEquals(this.known.get(Math.floor(known / 100)), known);
    this.known.set(Math.floor(known / 100), state);
  }

  release(state: number): void {
    this.released.push(state);
  }

  push(state: number): void {
    this.frontier.push(state);
  }
}

test("duplicate detection - looks up states one batch at a time, and the rest on request", () => {
  const lookup = new Lookup();
  const duplicates = new DuplicateDetection(lookup);
  const states = Array.from({ length: 2 * BATCH + 3 }, (_, k) => 100 * k);
  for (const state of states) duplicates.add(state);
  assertEquals(lookup.frontier, states.slice(0, 2 * BATCH));
  assertEquals(duplicates.waiting(), states.slice(2 * BATCH));
  duplicates.settle();
  assertEquals(lookup.frontier, states);
  assertEquals(duplicates.waiting(), []);
  duplicates.settle();
  assertEquals(lookup.frontier, states);
});

test("duplicate detection - keeps the shortest path to each board, also within a batch", () => {
  const lookup = new Lookup();
  const duplicates = new DuplicateDetection(lookup);
  for (const state of [705, 805, 705, 703, 704, 806]) duplicates.add(state);
  duplicates.settle();
  assertEquals(lookup.frontier, [705, 805, 703]);
  assertEquals(lookup.released, [705, 704, 806]);
  assertEquals([...lookup.known.values()], [703, 805]);
});

test("duplicate detection - the states for which a full store had no room still wait, with the one that failed", () => {
  const lookup = new Lookup();
  lookup.room = 2;
  const duplicates = new DuplicateDetection(lookup);
  for (const state of [105, 106, 205, 305, 405]) duplicates.add(state);
  assertThrows(() => duplicates.settle(), Error, "full");
  assertEquals(lookup.frontier, [105, 205]);
  assertEquals(duplicates.waiting(), [305, 405]);
});

test("bucket queue - the lowest f first, then the lowest h, then the newest, below the limit", () => {
  const random = new Random(1);
  for (let round = 0; round < 200; round++) {
    const queue = new BucketQueue(-1, new ArrayStacks<number>());
    const expected: { state: number; f: number; h: number }[] = [];
    for (let state = 0; state < 60; state++) {
      if (random.below(3) > 0) {
        const f = random.below(12);
        const h = random.below(f + 1);
        queue.push(state, f, h);
        expected.push({ state, f, h });
        continue;
      }
      const limit = random.below(4) === 0 ? NO_LIMIT : random.below(13);
      expected.sort((a, b) => a.f - b.f || a.h - b.h || b.state - a.state);
      const first = expected[0]?.f ?? NO_LIMIT;
      assertEquals(queue.lowest(limit), Math.min(first, limit));
      assertEquals(queue.pop(limit), first < limit ? expected.shift()!.state : -1);
    }
  }
});
