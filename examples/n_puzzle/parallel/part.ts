import { Expander } from "../expander.ts";
import type { Heuristic } from "../heuristic.ts";
import type { Puzzle } from "../puzzle.ts";
import { NONE, type Words } from "../stores/records.ts";
import type { RecordStore } from "../stores/record_store.ts";
import { type Control, NO_BOUND } from "./control.ts";
import { ownerOf } from "./partition.ts";
import { RingReader, RingWriter } from "./rings.ts";
import { Termination } from "./termination.ts";

/** The number of expansions between two looks at the rings. */
const ROUND = 64;
/** How often a worker without work looks at the rings before it sleeps: a few microseconds. */
const SPINS = 200;
/** Milliseconds. Sleeping workers are woken; the limit is a safeguard. */
const LONGEST_SLEEP = 20;
/** Milliseconds to sleep while a ring is full. The reader does not wake the writer when it makes room. */
const FULL_RING_SLEEP = 1;

/** Leaves an expansion half-way when the search is stopped. */
export class StoppedError extends Error {}

/**
 * One worker's part of hash-distributed A* (Kishimoto, Fukunaga and Botea, "Evaluation of a simple, scalable, parallel
 * best-first search strategy", Artificial Intelligence 195, 2013). The worker expands the states that it owns, lowest f
 * first, and hands the other children to their owners. There is no global order, so a state may be expanded before a
 * shorter path to it is found, and again afterwards. The first solution is an upper bound; a worker continues as long
 * as it has states below the bound.
 */
export class Part extends Expander<number> {
  readonly #store: RecordStore;
  readonly #control: Control;
  readonly #worker: number;
  readonly #termination: Termination;
  /** By the number of the other worker. This worker's own place is not used. */
  readonly #writers: readonly RingWriter[];
  readonly #readers: readonly RingReader[];
  readonly #hasMail = (): boolean => !this.#control.running || this.#readers.some((reader) => reader.length > 0);
  #bound = NO_BOUND;
  /** The f of the state that is being expanded. */
  #f = NO_BOUND;
  #goal = NONE;

  constructor(
    store: RecordStore,
    heuristic: Heuristic,
    puzzle: Puzzle,
    control: Control,
    worker: number,
    rings: Words,
  ) {
    super(store, heuristic, puzzle);
    this.#store = store;
    this.#control = control;
    this.#worker = worker;
    this.#termination = new Termination(control);
    const others = Array.from({ length: control.workers }, (_, other) => other);
    this.#writers = others.map((other) => new RingWriter(rings, control, worker, other));
    this.#readers = others.filter((other) => other !== worker)
      .map((other) => new RingReader(rings, control, other, worker));
  }

  /** The last state of the shortest solution that this worker found, or NONE. */
  get goal(): number {
    return this.#goal;
  }

  /** Searches until all workers are out of work, or until the search is stopped. */
  run(): void {
    if (this.#worker === 0) this.#begin();
    while (this.#control.running) {
      this.#bound = this.#control.bound;
      const received = this.#receive();
      const expanded = this.#expandSome();
      this.#publishAll();
      this.#control.publish(this.#worker, this.progress.allocations, this.#store.lowest());
      if (received === 0 && expanded === 0) this.#awaitMail();
    }
  }

  /**
   * After the search was stopped: a lower bound for every solution that leads through a state of this worker, or
   * through one that this worker has sent and that nobody has taken. States that another worker has taken are in its
   * own bound.
   */
  lowestOpen(): number {
    const unknown = [...this.duplicates.waiting(), ...this.#writers.flatMap((writer) => [...writer.untaken()])];
    const fs = unknown.map((ref) => this.#store.g(ref) + this.#store.h(ref));
    return fs.reduce((lowest, f) => Math.min(lowest, f), Math.min(this.#f, this.#store.lowest()));
  }

  protected override offer(state: number, g: number, h: number): void {
    if (h === 0) return this.#reach(state, g);
    if (g + h >= this.#bound) return this.#store.release(state);
    const owner = ownerOf(this.#store.hash(state), this.#control.workers);
    if (owner === this.#worker) this.duplicates.add(state);
    else this.#send(owner, state);
  }

  #begin(): void {
    const state = this.start();
    this.offer(state, 0, this.#store.h(state));
  }

  /** Handles a solution. The worker that finds it keeps it, even if another one owns the goal. */
  #reach(state: number, length: number): void {
    if (!this.#control.lowerBound(length)) return this.#store.release(state);
    if (this.#goal !== NONE) this.#store.release(this.#goal);
    this.#goal = state;
    this.#bound = length;
  }

  #expandSome(): number {
    for (let expanded = 0; expanded < ROUND; expanded++) {
      const state = this.next(this.#bound);
      if (state === NONE) return expanded;
      this.#f = this.#store.g(state) + this.#store.h(state);
      this.expand(state);
      this.#f = NO_BOUND;
    }
    return ROUND;
  }

  /** Keeps receiving while the ring is full. Otherwise two workers could wait for each other forever. */
  #send(owner: number, state: number): void {
    const writer = this.#writers[owner]!;
    for (let tries = 0; !writer.write(state); tries++) {
      this.#publish(writer);
      if (this.#receive() > 0) tries = 0;
      else if (tries > SPINS) this.#control.sleep(this.#worker, FULL_RING_SLEEP, this.#hasMail);
      if (!this.#control.running) throw new StoppedError();
    }
  }

  #publishAll(): void {
    for (const writer of this.#writers) this.#publish(writer);
  }

  #publish(writer: RingWriter): void {
    if (writer.unpublished === 0) return;
    this.#termination.sending(writer.unpublished);
    writer.publish();
    this.#control.wake(writer.reader);
  }

  /** Takes all states that other workers have published. Returns how many there were. */
  #receive(): number {
    let received = 0;
    for (const reader of this.#readers) received += this.#receiveFrom(reader);
    if (received > 0) this.#termination.received(received);
    return received;
  }

  #receiveFrom(reader: RingReader): number {
    const store = this.#store;
    const count = reader.length;
    let taken = 0;
    try {
      while (taken < count) {
        const state = reader.ref(taken++);
        if (store.g(state) + store.h(state) >= this.#bound) store.release(state);
        else this.duplicates.add(state);
      }
    } finally {
      reader.take(taken); // also if `add` throws: some states are released by now, and the writer examines the rest
    }
    return count;
  }

  #awaitMail(): void {
    this.#termination.rest();
    for (let spins = 0; !this.#hasMail(); spins++) {
      if (spins > SPINS) this.#control.sleep(this.#worker, LONGEST_SLEEP, this.#hasMail);
    }
    this.#termination.work();
  }
}
