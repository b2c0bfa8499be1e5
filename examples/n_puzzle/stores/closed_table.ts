import { NONE, type Records, type Words } from "./records.ts";

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
  #fetched = 0;
  readonly #records: Records;

  constructor(records: Records, capacityBits = FIRST_CAPACITY_BITS) {
    this.#records = records;
    this.#shift = 32 - capacityBits;
    this.#limit = limitOf(1 << capacityBits);
    this.#slots = emptySlots(records, 1 << capacityBits);
  }

  /**
   * Reads the slot that `know` will look at first. Nobody needs the value, but several such reads wait for the memory
   * at once, where the searches would wait for it one after the other: a fifth of the search's time.
   */
  fetch(hash: number): void {
    this.#fetched ^= this.#slots[(hash >>> this.#shift) << 1]!;
  }

  /** Returns the state known for the same board, or adds this one and returns NONE. */
  know(ref: number, hash: number): number {
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
