import { NONE, type StateMemory, type StateRecords, type Words } from "./records.ts";

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
  readonly #memory: StateMemory;
  readonly #states: StateRecords;
  /** The words of a board. */
  readonly #words: number;

  constructor(memory: StateMemory, words: number, capacityBits = FIRST_CAPACITY_BITS) {
    this.#memory = memory;
    this.#states = memory.states;
    this.#words = words;
    this.#shift = 32 - capacityBits;
    this.#limit = limitOf(1 << capacityBits);
    this.#slots = emptySlots(memory, 1 << capacityBits);
  }

  /**
   * Reads what `know` will read first for each of these new states: the slots, then the boards to compare. The values
   * are not used. The cache misses of these reads overlap, whereas each lookup would wait for its own.
   */
  fetch(refs: readonly number[], count: number): void {
    const { get } = this.#states;
    const slots = this.#slots;
    const shift = this.#shift;
    let fetched = 0;
    for (let k = 0; k < count; k++) fetched ^= slots[(get.link(refs[k]!) >>> shift) << 1]!;
    for (let k = 0; k < count; k++) {
      const hash = get.link(refs[k]!);
      const slot = (hash >>> shift) << 1;
      const entry = slots[slot + 1]!;
      if (entry !== 0 && slots[slot] === hash) fetched ^= get.tiles(entry - 1, 0);
    }
    this.#fetched ^= fetched;
  }

  /** Returns the known state with the same board as this new one; if there is none, adds this one and returns NONE. */
  know(ref: number): number {
    const hash = this.#states.get.link(ref);
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = (hash >>> this.#shift) << 1;
    for (let entry = slots[slot + 1]!; entry !== 0; entry = slots[slot + 1]!) {
      if (slots[slot] === hash && this.#sameTiles(entry - 1, ref)) {
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
    this.#memory.releaseTable(this.#slots);
  }

  #sameTiles(one: number, other: number): boolean {
    const { get } = this.#states;
    for (let word = 0; word < this.#words; word++) {
      if (get.tiles(one, word) !== get.tiles(other, word)) return false;
    }
    return true;
  }

  #grow(): void {
    const from = this.#slots;
    const to = emptySlots(this.#memory, from.length);
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
    this.#memory.releaseTable(from);
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
function emptySlots(memory: StateMemory, capacity: number): Words {
  return memory.allocateTable(2 * capacity).fill(0);
}
