import { type Control, FINISHED } from "./control.ts";

/**
 * Knows when a search is over: no worker is at work and no state is under way. One shared count says it:
 *
 *     pending = workers at work + states shown in a ring and not yet taken by the reader
 *
 * - A worker counts states before it shows them, and it is at work then, so `pending` was above 0.
 * - A reader takes states off the count when it has them itself: it is at work until it has dealt with them, and what it
 *   shows meanwhile is counted.
 * - A worker at rest goes to work only for states that it sees in a ring. These are still counted, because nobody but
 *   it takes them, so `pending` cannot reach 0 before it has counted itself again.
 *
 * So `pending` is never less than what it stands for, and at 0 nobody is at work and nothing is under way. Then nothing
 * can change any more: only states bring a worker to work, and only workers at work make states. The worker whose step
 * makes it 0 ends the search. No worker rests with a state below the bound, be it on its frontier or waiting to be
 * looked up, and the bound only falls, so that all that is left has an f of at least the shortest solution's length: that
 * solution is optimal.
 *
 * The count of workers is the termination detection barrier of Herlihy and Shavit (The Art of Multiprocessor
 * Programming, 2008, 17.6); adding up messages sent minus received is Safra's (Dijkstra, EWD 998, 1987), whose token
 * collects from each machine what lies here in one word.
 */
export class Termination {
  readonly #control: Control;

  constructor(control: Control) {
    this.#control = control;
  }

  /** This worker, at work, is about to show so many states to another. */
  sending(states: number): void {
    this.#control.addPending(states);
  }

  /** This worker, at work, has taken so many states. */
  received(states: number): void {
    this.#control.addPending(-states);
  }

  /** This worker has nothing to do. */
  rest(): void {
    if (this.#control.addPending(-1) === 0) this.#control.end(FINISHED);
  }

  /** This worker, at rest, has seen states for it in a ring. */
  work(): void {
    this.#control.addPending(1);
  }
}
