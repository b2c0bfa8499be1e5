/**
 * What the workers of one search share besides the pool: counters, and words to wait on. They are in a small buffer of
 * their own, because `Atomics.wait` needs a SharedArrayBuffer and the pool's buffers are not shared ones.
 */

/** The search is running. */
export const RUNNING = 0;
/** All workers are out of work. */
export const FINISHED = 1;
/** One worker cannot continue, so the whole search ends. */
export const STOPPED = 2;

/** The words between two counters: two cache lines, because processors fetch lines in pairs. */
const LINE = 32;

const STATE = 0;
const BOUND = LINE;
const PENDING = 2 * LINE;
const FIRST_WORKER = 3 * LINE;

// Words in the line of each worker.
const ASLEEP = 0;
const ALLOCATIONS = 1;
const LOWEST = 2;

/** Higher than every f: no solution is known. */
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

  /** For a new search, which starts with all workers at work. */
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

  /** Ends the search and wakes all workers. Only the first call sets the state. */
  end(state: typeof FINISHED | typeof STOPPED): void {
    Atomics.compareExchange(this.#words, STATE, RUNNING, state);
    for (let worker = 0; worker < this.workers; worker++) this.wake(worker);
  }

  /** The length of the shortest known solution. */
  get bound(): number {
    return Atomics.load(this.#words, BOUND);
  }

  /** Announces a solution of this length. Returns false if one that is as short is already known. */
  lowerBound(length: number): boolean {
    for (let bound = this.bound; length < bound; bound = this.bound) {
      if (Atomics.compareExchange(this.#words, BOUND, bound, length) === bound) return true;
    }
    return false;
  }

  /** Adds to the count that `Termination` uses, and returns the new count. */
  addPending(count: number): number {
    return Atomics.add(this.#words, PENDING, count) + count;
  }

  /** The number of states that a ring's writer has published, or that its reader has taken. Both counts wrap around. */
  loadCount(word: number): number {
    return Atomics.load(this.#words, word);
  }

  storeCount(word: number, count: number): void {
    Atomics.store(this.#words, word, count);
  }

  /** The words with the two counts of the ring from one worker to another. */
  ringWords(from: number, to: number): { published: number; taken: number } {
    const published = FIRST_WORKER + LINE * (this.workers + 2 * (from * this.workers + to));
    return { published, taken: published + LINE };
  }

  /**
   * Sleeps until another worker wakes this one, or until the time is over. The other worker makes `isNeeded` true and
   * then calls `wake`; this one announces that it sleeps and then calls `isNeeded`. So either this worker sees that it
   * is needed, or the other one sees that it sleeps.
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

  /** Publishes the progress of a worker for the status line. */
  publish(worker: number, allocations: number, lowest: number): void {
    const line = FIRST_WORKER + LINE * worker;
    Atomics.store(this.#words, line + ALLOCATIONS, allocations);
    Atomics.store(this.#words, line + LOWEST, lowest);
  }

  /** The states that all workers have allocated, and the lowest f of any worker. A state in a ring may be lower. */
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
