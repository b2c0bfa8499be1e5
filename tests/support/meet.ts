/** Threads that are to start at the same moment. */

/** Tries before a thread goes to sleep: on a machine with a core for each, the others come before. */
const SPINS = 20_000;

/**
 * As long as a slice of the scheduler, or nearly. On a busy machine, two that wait for each other awake go on only when
 * both have a core: rarely, but then at the same moment.
 */
const PATIENT_SPINS = 500_000;

/** Longer is a hang. Milliseconds. */
const PATIENCE = 30_000;

/** Comes to a meeting that is counted in `words[at]`, and waits there until so many have come: awake, if it is not long. */
export function meet(words: Int32Array, at: number, awaited: number, most = SPINS): void {
  Atomics.add(words, at, 1);
  Atomics.notify(words, at);
  for (let spins = 0; Atomics.load(words, at) < awaited; spins++) {
    if (spins < most) continue;
    const come = Atomics.load(words, at);
    const late = come < awaited && Atomics.wait(words, at, come, PATIENCE) === "timed-out";
    if (late) throw new Error(`Only ${come} have come, and ${awaited} were awaited`);
  }
}

/**
 * `meet`, and then waits a little until another of them is awake, counted in `words[at + 1]`: so that two go on at the
 * same moment wherever there are two cores.
 */
export function meetAwake(words: Int32Array, at: number, awaited: number, parties: number): void {
  meet(words, at, awaited, parties === 2 ? PATIENT_SPINS : SPINS);
  Atomics.add(words, at + 1, 1);
  const two = awaited - parties + 2;
  for (let spins = 0; spins < SPINS && Atomics.load(words, at + 1) < two; spins++);
}
