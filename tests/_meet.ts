/** Threads that are to start at the same moment. */

/** Tries before a thread goes to sleep: on a machine with a core for each, the others come before. */
const SPINS = 20_000;

/** Longer is a hang. Milliseconds. */
const PATIENCE = 30_000;

/** Comes to a meeting that is counted in `words[at]`, and waits there until so many have come: awake, if it is not long. */
export function meet(words: Int32Array, at: number, awaited: number): void {
  Atomics.add(words, at, 1);
  Atomics.notify(words, at);
  for (let spins = 0; Atomics.load(words, at) < awaited; spins++) {
    if (spins < SPINS) continue;
    const come = Atomics.load(words, at);
    const late = come < awaited && Atomics.wait(words, at, come, PATIENCE) === "timed-out";
    if (late) throw new Error(`Only ${come} have come, and ${awaited} were awaited`);
  }
}

/**
 * `meet`, and then waits a little for those who slept there to wake up, counted in `words[at + 1]`: so that they go on
 * at the same moment wherever there are cores for that.
 */
export function meetAwake(words: Int32Array, at: number, awaited: number): void {
  meet(words, at, awaited);
  Atomics.add(words, at + 1, 1);
  for (let spins = 0; spins < SPINS && Atomics.load(words, at + 1) < awaited; spins++);
}
