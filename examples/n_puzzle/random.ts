/**
 * mulberry32 by Tommy Ettinger (public domain), with 32 bits of state. It uses 32-bit integer arithmetic only, so it
 * gives the same numbers in every engine. It is good enough to shuffle a puzzle and to fill a hash table, but not for
 * secrets.
 */
export class Random {
  #state: number;

  /** @param seed Any whole number; only the low 32 bits are used. */
  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** The next 32 bits, as a signed integer. */
  bits(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let x = this.#state;
    x = Math.imul(x ^ (x >>> 15), x | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return x ^ (x >>> 14);
  }

  /** A whole number from 0 to `bound - 1`. The product stays below 2^53, so it is exact. */
  below(bound: number): number {
    return Math.floor((this.bits() >>> 0) * bound / 2 ** 32);
  }
}
