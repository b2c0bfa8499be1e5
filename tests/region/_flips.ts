/** Which bits of a region to flip. */

import { soaking } from "../support/effort.ts";
import type { Draw } from "../support/sequence.ts";
import { FAR_REQUEST, LOCK_WORDS } from "./_words.ts";

/** Errors are many here, and nobody reads where they come from. */
export function withoutStacks(body: () => void): void {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    body();
  } finally {
    Error.stackTraceLimit = limit;
  }
}

/**
 * Bits to flip. In a soak all there are. Else all of one word of each of these kinds; and of the other words that mean
 * something one in `thin`, of which one bit.
 */
export function* bitsOf(
  kinds: readonly string[],
  draw: Draw,
  whole: (kind: string) => boolean,
  thin = 1,
): Iterable<readonly [word: number, bit: number]> {
  const chosen = chooseWords(kinds, draw, whole);
  for (let word = LOCK_WORDS; word < kinds.length; word++) {
    if (kinds[word] === FAR_REQUEST) continue;
    if (soaking || chosen.has(word)) { for (let bit = 0; bit < 32; bit++) yield [word, bit]; }
    else if (draw(kinds[word] === "means nothing" ? 64 * thin : thin) === 0) yield [word, draw(32)];
  }
}

/** One word of each kind. */
function chooseWords(kinds: readonly string[], draw: Draw, whole: (kind: string) => boolean): Set<number> {
  const places = Map.groupBy(kinds.keys(), (word) => kinds[word]!);
  return new Set([...places].filter(([kind]) => whole(kind)).map(([, words]) => words[draw(words.length)]!));
}
