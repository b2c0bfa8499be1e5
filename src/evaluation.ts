import type { MemPoolHandle } from "./options.ts";
import { isolate, type Place } from "./runtime/isolate.ts";

// A watcher may evaluate the modules of a program again in the same isolate: `bun --hot` does it after every save. The
// new evaluation of the library knows nothing of the old one, whose objects still exist. An earlier evaluation is one of
// the same copy of the library, which is told by its URL. What a program loads from another URL is another copy.

/** The URL of this copy. A query makes it no other copy, but evaluates the same one again. */
const COPY: string = (import.meta.url ?? `${Math.random()}`).replace(/[?#].*/s, "");

/** The number of this evaluation of the copy. */
const EVALUATION: number = countEvaluation();

function countEvaluation(): number {
  const evaluation = (isolate.evaluations.get(COPY) ?? 0) + 1;
  isolate.evaluations.set(COPY, evaluation);
  return evaluation;
}

/** Records that this evaluation is attached to a pool. Returns the function that ends the record. */
export function recordPlace({ process, id }: MemPoolHandle, yieldPlace: () => void): () => void {
  const place: Place = { copy: COPY, evaluation: EVALUATION, process, pool: id, yield: yieldPlace };
  isolate.places.add(place);
  return () => void isolate.places.delete(place);
}

/** Makes earlier evaluations of this copy give up their places in a pool. */
export function takePlaces({ process, id }: MemPoolHandle): void {
  for (const place of [...isolate.places]) {
    const isEarlier = place.copy === COPY && place.evaluation < EVALUATION;
    if (isEarlier && place.process === process && place.pool === id) place.yield();
  }
}
