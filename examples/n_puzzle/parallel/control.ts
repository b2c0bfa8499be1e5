/**
 * What the workers of one search share besides the pool: words that they wait on and count with. A small buffer of its
 * own, because `Atomics.wait` takes a SharedArrayBuffer only, and the pool's buffers are none.
 */

/** The search goes on. */
export const RUNNING = 0;
/** No worker has anything left to do. */
export const FINISHED = 1;
/** A worker cannot go on, so nobody does. */
export const STOPPED = 2;

/** Words from one counter to the next: two cache lines, because processors fetch them in pairs. */
const LINE = 32;

const STATE = 0;
const BOUND = LINE;
const PENDING = 2 * LINE;
const FIRST_WORKER = 3 * LINE;

// Each worker's own line.
const ASLEEP = 0;
const ALLOCATIONS = 1;
const LOWEST = 2;

/** Above every f: no solution is known. */
export const NO_BOUND = 2 ** 31 - 1;

export class Control {
  readonly buffer: SharedArrayBuffer;
  readonly workers: number;
  readonly #words: Int32Array<SharedArrayBuffer>;

  constructor(buffer: SharedArrayBuffer, workers: number) {
    this.buffer = buffer;
    this.workers = workers;
    this.#words = new Int32Array(buffer);
  }

  /** For a search that starts now, with all workers at work. */
  static make(workers: number, firstF: number): Control {
    const lines = 3 + workers + 2 * workers * workers;
    const control = new Control(new SharedArrayBuffer(4 * LINE * lines), workers);
    control.#words[BOUND] = NO_BOUND;
    control.#words[PENDING] = workers;
    for (let worker = 0; worker < workers; worker++) control.publish(worker, 0, firstF);
    return control;
  }

  get running(): boolean {
    return Atomics.load(this.#words, STATE) === RUNNING;
  }

  get state(): number {
    return Atomics.load(this.#words, STATE);
  }

  /** Ends the search for all workers, whatever they wait for. The first one to say why is right. */
  end(state: typeof FINISHED | typeof STOPPED): void {
    Atomics.compareExchange(this.#words, STATE, RUNNING, state);
    for (let worker = 0; worker < this.workers; worker++) this.wake(worker);
  }

  /** The length of the shortest solution known. */
  get bound(): number {
    return Atomics.load(this.#words, BOUND);
  }

  /** Says that there is a solution of this length. False where one as short is known. */
  lowerBound(length: number): boolean {
    for (let bound = this.bound; length < bound; bound = this.bound) {
      if (Atomics.compareExchange(this.#words, BOUND, bound, length) === bound) return true;
    }
    return false;
  }

  /** Adds to the count of `Termination`; returns the new one. */
  addPending(count: number): number {
    return Atomics.add(this.#words, PENDING, count) + count;
  }

  /** How many states a ring's writer has shown its reader, or its reader has taken: counts that wrap around. */
  loadCount(word: number): number {
    return Atomics.load(this.#words, word);
  }

  storeCount(word: number, count: number): void {
    Atomics.store(this.#words, word, count);
  }

  /** Where the two counts of the ring from one worker to another are. */
  ringWords(from: number, to: number): { shown: number; taken: number } {
    const shown = FIRST_WORKER + LINE * (this.workers + 2 * (from * this.workers + to));
    return { shown, taken: shown + LINE };
  }

  /**
   * Sleeps until another worker wakes this one, or the time is over. Whoever makes `isNeeded` true wakes it afterwards,
   * so one of the two sees the other: the sleeper what is new, or the waker the sleeper.
   */
  sleep(worker: number, milliseconds: number, isNeeded: () => boolean): void {
    const word = FIRST_WORKER + LINE * worker + ASLEEP;
    Atomics.store(this.#words, word, 1);
    if (!isNeeded()) Atomics.wait(this.#words, word, 1, milliseconds);
    Atomics.store(this.#words, word, 0);
  }

  wake(worker: number): void {
    const word = FIRST_WORKER + LINE * worker + ASLEEP;
    if (Atomics.load(this.#words, word) === 0) return;
    Atomics.store(this.#words, word, 0);
    Atomics.notify(this.#words, word);
  }

  /** Tells how far a worker is, for the status line. */
  publish(worker: number, allocations: number, lowest: number): void {
    const line = FIRST_WORKER + LINE * worker;
    Atomics.store(this.#words, line + ALLOCATIONS, allocations);
    Atomics.store(this.#words, line + LOWEST, lowest);
  }

  /** States allocated by all workers, and the lowest f that any of them is at. A state under way may be below it. */
  progress(): { allocations: number; bound: number } {
    let allocations = 0;
    let bound = this.bound;
    for (let worker = 0; worker < this.workers; worker++) {
      const line = FIRST_WORKER + LINE * worker;
      allocations += Atomics.load(this.#words, line + ALLOCATIONS);
      bound = Math.min(bound, Atomics.load(this.#words, line + LOWEST));
    }
    return { allocations, bound };
  }
}
