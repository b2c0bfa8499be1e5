/** Lets threads continue at the same moment. */

/** How often a thread looks before it sleeps. With a core for each thread, the others arrive earlier. */
const SPINS = 20_000;

/**
 * The same for two threads: almost a time slice of the scheduler. On a busy machine, two threads that spin continue
 * only when both have a core, which is rare, but then they do so at the same moment.
 */
const PAIR_SPINS = 500_000;

/** Milliseconds after which a thread that did not arrive counts as hanging. */
const TIME_LIMIT = 30_000;

/**
 * Waits until `awaited` threads have arrived, this one included. `words[at]` counts arrivals. A thread spins at first,
 * and sleeps if that takes long.
 */
export function meet(words: Int32Array, at: number, awaited: number, spinLimit = SPINS): void {
  Atomics.add(words, at, 1);
  Atomics.notify(words, at);
  for (let spins = 0; Atomics.load(words, at) < awaited; spins++) {
    if (spins < spinLimit) continue;
    const arrived = Atomics.load(words, at);
    const isLate = arrived < awaited && Atomics.wait(words, at, arrived, TIME_LIMIT) === "timed-out";
    if (isLate) throw new Error(`Only ${arrived} of ${awaited} threads have arrived`);
  }
}

/**
 * Calls `meet`, and then spins a little until a second thread is awake, so that at least two continue at the same
 * moment if there are two cores. `words[at + 1]` counts threads that are awake.
 */
export function meetAwake(words: Int32Array, at: number, awaited: number, parties: number): void {
  meet(words, at, awaited, parties === 2 ? PAIR_SPINS : SPINS);
  Atomics.add(words, at + 1, 1);
  const two = awaited - parties + 2;
  for (let spins = 0; spins < SPINS && Atomics.load(words, at + 1) < two; spins++);
}
