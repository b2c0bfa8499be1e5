import type { LeanBoards } from "./lean_boards.ts";

/** A state as three values: two of `LeanBoards` for its board, and one into which the rest is packed. */
export interface LeanState {
  readonly low: number;
  readonly high: number | string;
  packed: number;
}

/** The number of bits that number the slots at first. */
const FIRST_CAPACITY_BITS = 16;
/** V8 makes a slow dictionary of an array that is created with a greater length, but not of one that grows to it. */
const LONGEST_NEW_ARRAY = 2 ** 25;

/**
 * The known boards: the same hash table as `ClosedTable`, but in a plain array. A slot is two adjacent elements: the
 * hash of the board, and its state, or null if the slot is empty. The high bits of the hash choose the slot.
 */
export class LeanTable {
  readonly #boards: LeanBoards;
  #slots = emptySlots(2 ** FIRST_CAPACITY_BITS);
  #shift = 32 - FIRST_CAPACITY_BITS;
  #count = 0;
  #limit = limitOf(2 ** FIRST_CAPACITY_BITS);
  /** The slot in which the last `know` found the state that it returned. */
  #found = 0;
  /** The values that `fetch` read, so that no compiler removes the reads. */
  #fetched = 0;

  constructor(boards: LeanBoards) {
    this.#boards = boards;
  }

  /** Reads what `know` will read first for each of these states, so that their cache misses overlap. */
  fetch(states: readonly (LeanState | null)[], count: number): void {
    const slots = this.#slots;
    const shift = this.#shift;
    let fetched = 0;
    for (let k = 0; k < count; k++) fetched ^= slots[this.#hash(states[k]!) >>> shift << 1] as number;
    for (let k = 0; k < count; k++) {
      const hash = this.#hash(states[k]!);
      const slot = hash >>> shift << 1;
      const known = slots[slot + 1] as LeanState | null;
      if (known !== null && slots[slot] === hash) fetched ^= known.low;
    }
    this.#fetched ^= fetched;
  }

  /** Returns the known state with the same board as this new one; if there is none, adds this one and returns null. */
  know(state: LeanState): LeanState | null {
    const hash = this.#hash(state);
    const known = this.#find(hash, state.low, state.high);
    if (known !== null) return known;
    this.#slots[this.#found] = hash;
    this.#slots[this.#found + 1] = state;
    if (++this.#count > this.#limit) this.#grow();
    return null;
  }

  /** Puts `state` into the slot in which the last `know` found another state with the same board. */
  replaceFound(state: LeanState): void {
    this.#slots[this.#found + 1] = state;
  }

  /** Returns the known state with this board, or null. */
  find(low: number, high: number | string): LeanState | null {
    return this.#find(this.#boards.hash(low, high), low, high);
  }

  #find(hash: number, low: number, high: number | string): LeanState | null {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = hash >>> this.#shift << 1;
    for (let k = slots[slot + 1] as LeanState | null; k !== null; k = slots[slot + 1] as LeanState | null) {
      if (slots[slot] === hash && k.low === low && k.high === high) {
        this.#found = slot;
        return k;
      }
      slot = slot + 2 & mask;
    }
    this.#found = slot;
    return null;
  }

  #hash(state: LeanState): number {
    return this.#boards.hash(state.low, state.high);
  }

  #grow(): void {
    const from = this.#slots;
    const to = emptySlots(from.length);
    const mask = to.length - 1;
    const shift = --this.#shift;
    for (let k = 0; k < from.length; k += 2) {
      const state = from[k + 1]!;
      if (state === null) continue;
      let slot = from[k] as number >>> shift << 1;
      while (to[slot + 1] !== null) slot = slot + 2 & mask;
      to[slot] = from[k]!;
      to[slot + 1] = state;
    }
    this.#slots = to;
    this.#limit = limitOf(from.length);
  }
}

function limitOf(capacity: number): number {
  return capacity * 3 / 4;
}

function emptySlots(capacity: number): (LeanState | number | null)[] {
  const slots = new Array<LeanState | number | null>(Math.min(2 * capacity, LONGEST_NEW_ARRAY));
  for (let k = 0; k < 2 * capacity; k += 2) {
    slots[k] = 0;
    slots[k + 1] = null;
  }
  return slots;
}
