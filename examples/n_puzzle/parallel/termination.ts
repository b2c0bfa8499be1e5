import { type Control, FINISHED } from "./control.ts";

/**
 * Detects the end of a search: all workers are at rest and all rings are empty. One shared count is enough:
 *
 *     pending = workers at work + states that were published in a ring and not yet taken by the reader
 *
 * - A worker counts states before it publishes them. It is at work at this time, so `pending` was above 0.
 * - A reader subtracts states from the count after it has taken them. It is at work until it has dealt with them, and
 *   counts the states that it publishes meanwhile.
 * - A worker at rest starts work only after it has seen states in a ring. These states are still counted, because no
 *   other worker takes them. So `pending` cannot reach 0 before the worker has counted itself again.
 *
 * So `pending` is never less than the sum that it stands for, and when it is 0, all workers are at rest and all rings
 * are empty. This cannot change any more, because only states bring a worker back to work, and only workers at work
 * make states. The worker whose step makes the count 0 ends the search. A worker does not rest while it has a state
 * below the bound, on its frontier or waiting for its lookup, and the bound only falls. So every remaining state has an
 * f of at least the length of the shortest solution found, and that solution is optimal.
 *
 * Counting the workers is the termination detection barrier of Herlihy and Shavit (The Art of Multiprocessor
 * Programming, 2008, 17.6). Adding up messages sent minus messages received is Safra's method (Dijkstra, EWD 998,
 * 1987), in which a token collects from each machine what is here in one word.
 */
export class Termination {
  readonly #control: Control;

  constructor(control: Control) {
    this.#control = control;
  }

  /** This worker, which is at work, is about to publish states for another. */
  sending(states: number): void {
    this.#control.addPending(states);
  }

  /** This worker, which is at work, has taken states. */
  received(states: number): void {
    this.#control.addPending(-states);
  }

  /** This worker is out of work. */
  rest(): void {
    if (this.#control.addPending(-1) === 0) this.#control.end(FINISHED);
  }

  /** This worker, which is at rest, has seen states in one of its rings. */
  work(): void {
    this.#control.addPending(1);
  }
}
