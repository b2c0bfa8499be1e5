/**
 * Whether a history of concurrent calls is linearizable: whether there is an order of the calls, each at some moment
 * between its invocation and its return, in which a pool without any concurrency would have answered the same. The
 * search is Wing and Gong's (1993), with Lowe's memory of what has been tried (2017).
 *
 * The model answers as the documentation promises: `null` only when no run of free blocks is long enough, whoever has
 * cached them; `free` exactly when an allocated run starts there. Which free run is handed out is not promised, so
 * whatever a call got is right if it was free.
 */

export type Operation =
  /** Hands out `length` adjacent blocks; `got` is the first, or NONE. */
  | { readonly kind: "alloc"; readonly length: number; readonly got: number }
  /** Hands out two single blocks, or neither. */
  | { readonly kind: "allocMany"; readonly got: readonly [number, number] | typeof NONE }
  | { readonly kind: "free"; readonly block: number; readonly done: boolean }
  /** Frees both runs, or neither. */
  | { readonly kind: "freeMany"; readonly blocks: readonly [number, number]; readonly done: boolean }
  /** Whether an allocated run starts there. */
  | { readonly kind: "look"; readonly block: number; readonly done: boolean };

export const NONE = -1;

/** A call: by whom, and when. Moments are numbers that no two calls share. */
export interface Call {
  readonly worker: number;
  readonly invoked: number;
  readonly returned: number;
  readonly operation: Operation;
}

/**
 * What `alloc` and `free` may look like to others. `at once`: a block is free in one moment and allocated in the next, or
 * the other way round. `in steps`: between those, still inside of the call, it may be neither. Whoever finds the pool
 * exhausted leaves a worker the block that it is just taking from its cache or putting there. Then `null` says that the
 * block is not free, and `free` that it is not allocated. That takes two calls of one worker inside of one of another, and
 * one of the two is a free of a block that is none of its own.
 */
export type Changing = "at once" | "in steps";

/** Whether an order of the calls explains all answers, from an empty pool. */
export function isLinearizable(blocks: number, calls: readonly Call[], changing: Changing): boolean {
  return new Search(blocks, calls, changing).from([], 0);
}

// What a block is in the model. A state of the model is those of all blocks, block 0 in the lowest bits.

const FREE = 0;
const SINGLE = 1;
const FIRST_OF_RUN = 2;
const INSIDE_RUN = 3;
const TAKEN = 4;
const BITS = 3;
const MASK = 7;

/** The most blocks and steps of a worker for which all that has been tried has a number of its own. */
const MOST_BLOCKS = 6;
const MOST_STEPS = 64;
const MOST_WORKERS = 4;

/** No state: the call cannot have been answered like this. */
const IMPOSSIBLE = -1;

/** What a call does at one moment: the state after it, or IMPOSSIBLE. */
type Change = (state: number) => number;

interface Step extends Pick<Call, "invoked" | "returned"> {
  readonly change: Change;
}

class Search {
  /** What each worker did, in its order. */
  readonly #lanes: readonly (readonly Step[])[];
  /** How far each worker had come, with the state that this had led to, where no order led to the end. */
  readonly #failed = new Set<number>();

  constructor(blocks: number, calls: readonly Call[], changing: Changing) {
    const model = new Model(blocks, changing);
    const workers = [...new Set(calls.map(({ worker }) => worker))];
    this.#lanes = workers.map((worker) =>
      calls.filter((call) => call.worker === worker).sort((one, other) => one.invoked - other.invoked).flatMap((call) =>
        model.changesBy(call.operation).map((change) => ({ ...call, change }))
      )
    );
    if (
      blocks > MOST_BLOCKS || workers.length > MOST_WORKERS || this.#lanes.some((lane) => lane.length >= MOST_STEPS)
    ) {
      throw new RangeError(
        `A history of ${calls.length} calls by ${workers.length} workers on ${blocks} blocks is too long`,
      );
    }
  }

  /** Whether what the workers have not done yet can follow, from this state. */
  from(done: readonly number[], state: number): boolean {
    const next = this.#lanes.map((lane, place) => lane[done[place] ?? 0]);
    // The next one in the order must have been invoked before any that is still to come returned.
    const before = Math.min(...next.map((step) => step?.returned ?? Infinity));
    if (before === Infinity) return true;
    const key = keyOf(done, state);
    if (this.#failed.has(key)) return false;
    for (const [place, step] of next.entries()) {
      if (step === undefined || step.invoked > before) continue;
      const after = step.change(state);
      if (after === IMPOSSIBLE) continue;
      if (this.from(this.#lanes.map((_, lane) => (done[lane] ?? 0) + Number(lane === place)), after)) return true;
    }
    this.#failed.add(key);
    return false;
  }
}

function keyOf(done: readonly number[], state: number): number {
  return done.reduce((key, steps) => key * MOST_STEPS + steps, 0) * 2 ** (BITS * MOST_BLOCKS) + state;
}

/** A pool of so many blocks, without concurrency. */
class Model {
  readonly #blocks: number;
  readonly #changing: Changing;

  constructor(blocks: number, changing: Changing) {
    this.#blocks = blocks;
    this.#changing = changing;
  }

  /** What a call does, moment by moment. */
  changesBy(operation: Operation): Change[] {
    switch (operation.kind) {
      case "alloc":
        if (operation.got === NONE) return [(state) => this.#fits(state, operation.length) ? IMPOSSIBLE : state];
        return this.#taking([operation.got], operation.length);
      case "allocMany":
        if (operation.got === NONE) return [(state) => this.#countFree(state) >= 2 ? IMPOSSIBLE : state];
        return this.#taking(operation.got, 1);
      case "free":
        return this.#freeing([operation.block], operation.done);
      case "freeMany":
        return this.#freeing(operation.blocks, operation.done);
      case "look":
        return [(state) => starts(state, operation.block) === operation.done ? state : IMPOSSIBLE];
    }
  }

  /** Hands out runs of so many blocks, of which these are the first. */
  #taking(firsts: readonly number[], length: number): Change[] {
    const each = (change: (state: number, first: number) => number): Change => (state) => firsts.reduce(change, state);
    const take = each((state, first) =>
      this.#isFree(state, first, length) ? fill(state, first, length, TAKEN, TAKEN) : IMPOSSIBLE
    );
    const handOut = each((state, first) =>
      fill(state, first, length, length === 1 ? SINGLE : FIRST_OF_RUN, INSIDE_RUN)
    );
    return this.#inOrder(take, handOut);
  }

  /** Frees all of these, or if it was not done, none, because one of them was not allocated or named twice. */
  #freeing(blocks: readonly number[], done: boolean): Change[] {
    const possible = (state: number): boolean =>
      new Set(blocks).size === blocks.length && blocks.every((block) => starts(state, block));
    if (!done) return [(state) => possible(state) ? IMPOSSIBLE : state];
    const end: Change = (state) =>
      possible(state) ? blocks.reduce((next, block) => withBlock(next, block, TAKEN), state) : IMPOSSIBLE;
    const release: Change = (state) => blocks.reduce((next, block) => this.#without(next, block), state);
    return this.#inOrder(end, release);
  }

  /** Two changes at two moments, or both at one. */
  #inOrder(first: Change, second: Change): Change[] {
    if (this.#changing === "in steps") return [first, second];
    return [(state) => {
      const between = first(state);
      return between === IMPOSSIBLE ? IMPOSSIBLE : second(between);
    }];
  }

  #without(state: number, block: number): number {
    let next = withBlock(state, block, FREE);
    for (let inner = block + 1; inner < this.#blocks && at(next, inner) === INSIDE_RUN; inner++) {
      next = withBlock(next, inner, FREE);
    }
    return next;
  }

  #fits(state: number, length: number): boolean {
    for (let first = 0; first + length <= this.#blocks; first++) {
      if (this.#isFree(state, first, length)) return true;
    }
    return false;
  }

  #isFree(state: number, first: number, length: number): boolean {
    if (state === IMPOSSIBLE || first < 0 || first + length > this.#blocks) return false;
    for (let block = first; block < first + length; block++) {
      if (at(state, block) !== FREE) return false;
    }
    return true;
  }

  #countFree(state: number): number {
    let free = 0;
    for (let block = 0; block < this.#blocks; block++) free += Number(at(state, block) === FREE);
    return free;
  }
}

function at(state: number, block: number): number {
  return (state >> (BITS * block)) & MASK;
}

function withBlock(state: number, block: number, what: number): number {
  return (state & ~(MASK << (BITS * block))) | (what << (BITS * block));
}

function fill(state: number, first: number, length: number, start: number, rest: number): number {
  let next = withBlock(state, first, start);
  for (let block = first + 1; block < first + length; block++) next = withBlock(next, block, rest);
  return next;
}

function starts(state: number, block: number): boolean {
  return at(state, block) === SINGLE || at(state, block) === FIRST_OF_RUN;
}

/** Whether calls of two workers were under way at the same time. */
export function overlaps(calls: readonly Call[]): boolean {
  return calls.some((one) =>
    calls.some((other) => one.worker !== other.worker && one.invoked < other.returned && other.invoked < one.returned)
  );
}

/** A history as a person reads it: a line for each call, in order of invocation. */
export function pictureOf(calls: readonly Call[]): string {
  const inOrder = [...calls].sort((one, other) => one.invoked - other.invoked);
  return inOrder.map(({ worker, invoked, returned, operation }) =>
    `  ${invoked} to ${returned}, worker ${worker}: ${JSON.stringify(operation)}`
  ).join("\n");
}
