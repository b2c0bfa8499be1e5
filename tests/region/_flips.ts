/** Chooses the bits of a region that bits_test.ts and its program flip. */

import { soaking } from "../support/effort.ts";
import type { Draw } from "../support/sequence.ts";
import { LOCK_WORDS, OTHER_REQUEST } from "./_words.ts";

/** Runs `body` without call stacks in errors: it causes thousands of errors, and collecting a stack is slow. */
export function withoutStackTraces(body: () => void): void {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    body();
  } finally {
    Error.stackTraceLimit = limit;
  }
}

/**
 * The bits to flip. In a soak, these are all bits. Otherwise they are every bit of one word of each kind for which
 * `everyBit` is true, and one bit each of some other words: of one in `thin` words that mean something, and of one in
 * 64 * `thin` others.
 */
export function* bitsOf(
  kinds: readonly string[],
  draw: Draw,
  everyBit: (kind: string) => boolean,
  thin = 1,
): Iterable<readonly [word: number, bit: number]> {
  const chosen = chooseWords(kinds, draw, everyBit);
  for (let word = LOCK_WORDS; word < kinds.length; word++) {
    if (kinds[word] === OTHER_REQUEST) continue;
    if (soaking || chosen.has(word)) { for (let bit = 0; bit < 32; bit++) yield [word, bit]; }
    else if (draw(kinds[word] === "means nothing" ? 64 * thin : thin) === 0) yield [word, draw(32)];
  }
}

/** One word of each kind that `chosen` accepts. */
function chooseWords(kinds: readonly string[], draw: Draw, chosen: (kind: string) => boolean): Set<number> {
  const places = Map.groupBy(kinds.keys(), (word) => kinds[word]!);
  return new Set([...places].filter(([kind]) => chosen(kind)).map(([, words]) => words[draw(words.length)]!));
}
