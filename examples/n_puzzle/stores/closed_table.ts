import { HASH, NONE, type Records, TILES, type Words } from "./records.ts";

/** The number of bits that number the slots at first. */
const FIRST_CAPACITY_BITS = 16;

/**
 * The known boards: a hash table with open addressing and linear probing. A slot is two adjacent words: the hash of the
 * board, and the reference of its state plus 1, or 0 if the slot is empty. Most lookups read a single cache line. The
 * high bits of the hash choose the slot. This keeps the order of the entries when the table doubles, so that growing
 * reads and writes both tables from front to back.
 */
export class ClosedTable {
  #slots: Words;
  #shift: number;
  #count = 0;
  #limit: number;
  /** The slot in which the last `know` found the state that it returned. */
  #found = 0;
  /** The values that `fetch` read, so that no compiler removes the reads. */
  #fetched = 0;
  readonly #records: Records;

  constructor(records: Records, capacityBits = FIRST_CAPACITY_BITS) {
    this.#records = records;
    this.#shift = 32 - capacityBits;
    this.#limit = limitOf(1 << capacityBits);
    this.#slots = emptySlots(records, 1 << capacityBits);
  }

  /**
   * Reads what `know` will read first for each of these new states: the slots, then the boards to compare. The values
   * are not used. The cache misses of these reads overlap, whereas each lookup would wait for its own.
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

  /** Returns the known state with the same board as this new one; if there is none, adds this one and returns NONE. */
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

  /** Puts `ref` into the slot in which the last `know` found another state with the same board. */
  replaceFound(ref: number): void {
    this.#slots[this.#found + 1] = ref + 1;
  }

  /** Releases the table but not the states. */
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

/** How many slots of this capacity may be in use. At three quarters, most probes stay within one or two cache lines. */
function limitOf(capacity: number): number {
  return capacity * 3 / 4;
}

/**
 * Zeroes the slots here, even where the memory is known to be zero. For a page that is read before it is written, the
 * system maps a shared page of zeros, and has to unmap that from all processors at the first write. That cost two
 * workers a sixth of their time.
 */
function emptySlots(records: Records, capacity: number): Words {
  return records.allocateTable(2 * capacity).fill(0);
}
