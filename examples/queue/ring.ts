/**
 * A queue of block numbers from one worker to another: two counters, which may wrap around, and a power of two of
 * places. Block numbers fit in 32 bits in every pool; offsets do not.
 */

const [PUT, TAKEN, FIRST_PLACE, PLACES] = [0, 1, 2, 32];

/**
 * Makes an empty queue to post to both workers. It is not in the pool, because `Atomics.wait` needs a shared buffer.
 */
export function newRing(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(4 * (FIRST_PLACE + PLACES)));
}

/** Puts a block into the queue. Sleeps while the queue is full. */
export function put(ring: Int32Array, block: number): void {
  const count = ring[PUT]!;
  const full = count - PLACES | 0;
  while (Atomics.load(ring, TAKEN) === full) Atomics.wait(ring, TAKEN, full);
  ring[FIRST_PLACE + (count & PLACES - 1)] = block;
  Atomics.store(ring, PUT, count + 1 | 0);
  Atomics.notify(ring, PUT);
}

/** Takes a block out of the queue. Sleeps while the queue is empty. */
export function take(ring: Int32Array): number {
  const count = ring[TAKEN]!;
  while (Atomics.load(ring, PUT) === count) Atomics.wait(ring, PUT, count);
  const block = ring[FIRST_PLACE + (count & PLACES - 1)]!;
  Atomics.store(ring, TAKEN, count + 1 | 0);
  Atomics.notify(ring, TAKEN);
  return block;
}
