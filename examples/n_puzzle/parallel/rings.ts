import type { Words } from "../stores/records.ts";
import type { Control } from "./control.ts";

/**
 * Rings that hand states from one worker to another, one for each direction of each pair, so that each has one writer
 * and one reader and needs no lock (Lamport, "Specifying concurrent program modules", 1983). An entry is the state's
 * reference. The entries are a run of the pool; the two counts of each ring, of states shown and of states taken, are in
 * the `Control`. The writer stores entries, then the count; the reader loads the count, then entries: that is all the
 * ordering it takes, for the states as for the entries.
 */
export interface RingLayout {
  /** Offset of the run in the pool. */
  readonly offset: number;
  /** Entries of one ring: a power of two. */
  readonly capacity: number;
}

/** Bytes of all rings of so many workers. The rings from a worker to itself are never used. */
export function ringBytes(workers: number, capacity: number): number {
  return 4 * capacity * workers ** 2;
}

/** This worker's view of all rings. */
export function ringWords(buffer: ArrayBuffer, layout: RingLayout, workers: number): Words {
  return new Int32Array(buffer, layout.offset, ringBytes(workers, layout.capacity) / 4);
}

abstract class Ring {
  protected readonly control: Control;
  protected readonly shownWord: number;
  protected readonly takenWord: number;
  protected readonly capacity: number;
  readonly #words: Words;
  readonly #first: number;
  readonly #mask: number;

  constructor(words: Words, control: Control, from: number, to: number) {
    this.control = control;
    ({ shown: this.shownWord, taken: this.takenWord } = control.ringWords(from, to));
    this.#words = words;
    this.capacity = words.length / control.workers ** 2;
    this.#first = (from * control.workers + to) * this.capacity;
    this.#mask = this.capacity - 1;
  }

  protected refAt(count: number): number {
    return this.#words[this.#wordAt(count)]!;
  }

  protected setAt(count: number, ref: number): void {
    this.#words[this.#wordAt(count)] = ref;
  }

  #wordAt(count: number): number {
    return this.#first + (count & this.#mask);
  }
}

/** The writer's end. */
export class RingWriter extends Ring {
  readonly reader: number;
  #written = 0;
  #shown = 0;
  /** What the reader had taken when this was last looked up. */
  #taken = 0;

  constructor(words: Words, control: Control, from: number, to: number) {
    super(words, control, from, to);
    this.reader = to;
  }

  /** Adds a state that the reader does not see yet. False when the ring is full. */
  write(ref: number): boolean {
    if (((this.#written - this.#taken) | 0) >= this.capacity) {
      this.#taken = this.control.loadCount(this.takenWord);
      if (((this.#written - this.#taken) | 0) >= this.capacity) return false;
    }
    this.setAt(this.#written, ref);
    this.#written = (this.#written + 1) | 0;
    return true;
  }

  /** States that `show` would show. */
  get hidden(): number {
    return (this.#written - this.#shown) | 0;
  }

  show(): void {
    this.#shown = this.#written;
    this.control.storeCount(this.shownWord, this.#shown);
  }

  /** The states that the reader has not taken, shown or not. */
  *untaken(): Iterable<number> {
    const taken = this.control.loadCount(this.takenWord);
    for (let count = taken; count !== this.#written; count = (count + 1) | 0) yield this.refAt(count);
  }
}

/** The reader's end. */
export class RingReader extends Ring {
  #taken = 0;

  /** How many states can be read now. */
  get length(): number {
    return (this.control.loadCount(this.shownWord) - this.#taken) | 0;
  }

  ref(index: number): number {
    return this.refAt((this.#taken + index) | 0);
  }

  /** Gives the room of the first states back to the writer. */
  take(count: number): void {
    this.#taken = (this.#taken + count) | 0;
    this.control.storeCount(this.takenWord, this.#taken);
  }
}
