import { HASH, NONE, type Records, TILES, type Words } from "./records.ts";

/** So many bits number the slots at first. */
const FIRST_CAPACITY_BITS = 16;

/**
 * The known boards: a hash table with open addressing and linear probing. A slot is two words side by side, so that
 * one cache line answers most questions: the hash of the board, and the reference of its state plus 1, 0 when empty.
 * The high bits of the hash choose the slot, which keeps the order when the table doubles: the copy runs along both.
 */
export class ClosedTable {
  #slots: Words;
  #shift: number;
  #count = 0;
  #limit: number;
  /** Where the last `know` found what it returned. */
  #found = 0;
  /** What `fetch` read, so that no compiler leaves it out. */
  #fetched = 0;
  readonly #records: Records;

  constructor(records: Records, capacityBits = FIRST_CAPACITY_BITS) {
    this.#records = records;
    this.#shift = 32 - capacityBits;
    this.#limit = limitOf(1 << capacityBits);
    this.#slots = emptySlots(records, 1 << capacityBits);
  }

  /**
   * Reads what `know` will look at first for each of these new states: the slots, then the boards to compare. Nobody
   * needs the values, but such reads wait for the memory together, where one lookup after the other waits for its own.
   */
  fetch(refs: readonly number[], count: number): void {
    const records = this.#records;
    const slots = this.#slots;
    const shift = this.#shift;
    let fetched = 0;
    for (let k = 0; k < count; k++) fetched ^= slots[(records.get(refs[k]!, HASH) >>> shift) << 1]!;
    for (let k = 0; k < count; k++) {
      const hash = records.get(refs[k]!, HASH);
      const slot = (hash >>> shift) << 1;
      const entry = slots[slot + 1]!;
      if (entry !== 0 && slots[slot] === hash) fetched ^= records.get(entry - 1, TILES);
    }
    this.#fetched ^= fetched;
  }

  /** Returns the state known for the board of this new one, or adds this one and returns NONE. */
  know(ref: number): number {
    const hash = this.#records.get(ref, HASH);
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = (hash >>> this.#shift) << 1;
    for (let entry = slots[slot + 1]!; entry !== 0; entry = slots[slot + 1]!) {
      if (slots[slot] === hash && this.#records.sameTiles(entry - 1, ref)) {
        this.#found = slot;
        return entry - 1;
      }
      slot = (slot + 2) & mask;
    }
    slots[slot] = hash;
    slots[slot + 1] = ref + 1;
    if (++this.#count > this.#limit) this.#grow();
    return NONE;
  }

  /** Puts `ref` where the last `know` found another state of the same board. */
  replaceFound(ref: number): void {
    this.#slots[this.#found + 1] = ref + 1;
  }

  /** Gives the table itself back; the states stay. */
  close(): void {
    this.#records.releaseTable(this.#slots);
  }

  #grow(): void {
    const from = this.#slots;
    const to = emptySlots(this.#records, from.length);
    const mask = to.length - 1;
    const shift = --this.#shift;
    for (let k = 0; k < from.length; k += 2) {
      const entry = from[k + 1]!;
      if (entry === 0) continue;
      const hash = from[k]!;
      let slot = (hash >>> shift) << 1;
      while (to[slot + 1] !== 0) slot = (slot + 2) & mask;
      to[slot] = hash;
      to[slot + 1] = entry;
    }
    this.#slots = to;
    this.#records.releaseTable(from);
    this.#limit = limitOf(to.length / 2);
  }
}

/** How many of so many slots may be in use: three quarters keeps the probes within one or two cache lines. */
function limitOf(capacity: number): number {
  return capacity * 3 / 4;
}

/**
 * Written at once, although most will be written later: where a page is read first, the system lends the one page of zeros
 * that it has, and when it is written, takes that back from all processors. It cost two workers a sixth of their time.
 */
function emptySlots(records: Records, capacity: number): Words {
  return records.allocateTable(2 * capacity).fill(0);
}
