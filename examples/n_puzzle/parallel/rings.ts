import type { Words } from "../stores/records.ts";
import type { Control } from "./control.ts";

/**
 * The number of entries in all rings, each of which has `capacity`, a power of two. The rings from a worker to itself are
 * never used.
 */
export function ringEntries(workers: number, capacity: number): number {
  return capacity * workers ** 2;
}

/**
 * Rings that hand states from one worker to another. There is one ring for each direction of each pair, so that each
 * ring has one writer and one reader and needs no lock (Lamport, "Specifying concurrent program modules", 1983). An
 * entry is the reference of a state. The entries are in an array of the pool; the two counts of each ring, of published
 * and of taken states, are in the `Control`. The writer stores the entries and then the count; the reader loads the
 * count and then the entries. This order is sufficient for the entries and also for the states.
 */
abstract class Ring {
  protected readonly control: Control;
  protected readonly publishedWord: number;
  protected readonly takenWord: number;
  protected readonly capacity: number;
  readonly #words: Words;
  readonly #first: number;
  readonly #mask: number;

  constructor(words: Words, control: Control, from: number, to: number) {
    this.control = control;
    ({ published: this.publishedWord, taken: this.takenWord } = control.ringWords(from, to));
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

/** The end of a ring that writes. */
export class RingWriter extends Ring {
  readonly reader: number;
  #written = 0;
  #published = 0;
  /** The number of states that the reader had taken when the writer last looked. */
  #taken = 0;

  constructor(words: Words, control: Control, from: number, to: number) {
    super(words, control, from, to);
    this.reader = to;
  }

  /** Adds a state, which the reader does not see yet. Returns false if the ring is full. */
  write(ref: number): boolean {
    if (((this.#written - this.#taken) | 0) >= this.capacity) {
      this.#taken = this.control.loadCount(this.takenWord);
      if (((this.#written - this.#taken) | 0) >= this.capacity) return false;
    }
    this.setAt(this.#written, ref);
    this.#written = (this.#written + 1) | 0;
    return true;
  }

  /** The number of states that `publish` would publish. */
  get unpublished(): number {
    return (this.#written - this.#published) | 0;
  }

  /** Lets the reader see all states that were written. */
  publish(): void {
    this.#published = this.#written;
    this.control.storeCount(this.publishedWord, this.#published);
  }

  /** The states that the reader has not taken, whether published or not. */
  *untaken(): Iterable<number> {
    const taken = this.control.loadCount(this.takenWord);
    for (let count = taken; count !== this.#written; count = (count + 1) | 0) yield this.refAt(count);
  }
}

/** The end of a ring that reads. */
export class RingReader extends Ring {
  #taken = 0;

  /** The number of states that can be read now. */
  get length(): number {
    return (this.control.loadCount(this.publishedWord) - this.#taken) | 0;
  }

  ref(index: number): number {
    return this.refAt((this.#taken + index) | 0);
  }

  /** Frees the places of the first states for the writer. */
  take(count: number): void {
    this.#taken = (this.#taken + count) | 0;
    this.control.storeCount(this.takenWord, this.#taken);
  }
}
