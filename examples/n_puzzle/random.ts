/**
 * mulberry32 by Tommy Ettinger (public domain): 32 bits of state, the same numbers in every engine, because it uses
 * nothing but 32-bit integer arithmetic. Good enough to shuffle a puzzle and to fill a hash table; not for secrets.
 */
export class Random {
  #state: number;

  /** @param seed any whole number; the low 32 bits count */
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

  /** A whole number from 0 to `bound - 1`; the product stays below 2^53, so it is exact. */
  below(bound: number): number {
    return Math.floor((this.bits() >>> 0) * bound / 2 ** 32);
  }
}
