/**
 * Decides whether a history of concurrent calls is linearizable: whether the calls can be ordered, each at some moment
 * between its invocation and its return, so that a pool without concurrency would have returned the same results. The
 * search is that of Wing and Gong (1993), and remembers what it has tried as Lowe (2017) proposes.
 *
 * The model of such a pool follows the documentation: `alloc` returns `null` only if no run of free blocks is long
 * enough, where cached blocks count as free; `free` succeeds exactly if an allocated run starts there. The
 * documentation does not promise which free run `alloc` returns, so every run is right whose blocks were free.
 */

export type Operation =
  /** Allocates `length` adjacent blocks; `got` is the first of them, or NONE. */
  | { readonly kind: "alloc"; readonly length: number; readonly got: number }
  /** Allocates two single blocks, or neither. */
  | { readonly kind: "allocMany"; readonly got: readonly [number, number] | typeof NONE }
  | { readonly kind: "free"; readonly block: number; readonly done: boolean }
  /** Frees both runs, or neither. */
  | { readonly kind: "freeMany"; readonly blocks: readonly [number, number]; readonly done: boolean }
  /** Asks whether an allocated run starts there. */
  | { readonly kind: "look"; readonly block: number; readonly done: boolean };

export const NONE = -1;

/** A call of a worker. The moments at which it began and returned are readings of one clock, and all different. */
export interface Call {
  readonly worker: number;
  readonly invoked: number;
  readonly returned: number;
  readonly operation: Operation;
}

/**
 * How other workers may see a block change inside a call of `alloc` or `free`. `at once`: from one moment to the next,
 * from free to allocated or back. `in steps`: in between, it may be neither.
 *
 * The second case occurs with worker caches: a recall leaves a block alone that its worker is taking from its cache or
 * putting there. To the worker that recalls, the block is not free (`null`), and a `free` of it finds that it is not
 * allocated. To see both, a worker must make two calls during one call of another worker, and one of the two frees a
 * block that is not its own.
 */
export type Changing = "at once" | "in steps";

/** Whether an order of the calls explains all results, beginning with an empty pool. */
export function isLinearizable(blocks: number, calls: readonly Call[], changing: Changing): boolean {
  return unexplained(blocks, calls, changing).length === 0;
}

/**
 * Returns no call if the history is linearizable. Otherwise, takes the longest order of calls that explains their
 * results, and returns the calls that could follow it in time, none of which can have had its result.
 */
export function unexplained(blocks: number, calls: readonly Call[], changing: Changing): readonly Call[] {
  const search = new Search(blocks, calls, changing);
  return search.from([], 0) ? [] : search.stuckAt;
}

// The states of a block in the model. A state of the model consists of those of all blocks, with block 0 in the lowest
// bits.

const FREE = 0;
const SINGLE = 1;
const FIRST_OF_RUN = 2;
const INSIDE_RUN = 3;
const TAKEN = 4;
const BITS = 3;
const MASK = 7;

/** The limits for which `keyOf` returns different numbers for different positions of the search. */
const MOST_BLOCKS = 6;
const MOST_STEPS = 64;
const MOST_WORKERS = 4;

/** Stands for the state after a call that cannot have had its result. */
const IMPOSSIBLE = -1;

/** What a call changes at one moment: returns the state after it, or IMPOSSIBLE. */
type Change = (state: number) => number;

interface Step {
  readonly call: Call;
  readonly change: Change;
}

class Search {
  /** The steps of each worker, in its order. */
  readonly #lanes: readonly (readonly Step[])[];
  /** Positions from which no order leads to the end: the number of steps that each worker has done, and the state. */
  readonly #failed = new Set<number>();
  /** The largest number of steps in an order that was tried. */
  #longest = -1;
  /** The calls that could follow that order in time. */
  stuckAt: readonly Call[] = [];

  constructor(blocks: number, calls: readonly Call[], changing: Changing) {
    const model = new Model(blocks, changing);
    const workers = [...new Set(calls.map(({ worker }) => worker))];
    this.#lanes = workers.map((worker) =>
      calls.filter((call) => call.worker === worker).sort((one, other) => one.invoked - other.invoked).flatMap((call) =>
        model.changesBy(call.operation).map((change) => ({ call, change }))
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

  /** Whether the steps that are not done can follow in some order, from this state. */
  from(done: readonly number[], state: number): boolean {
    const next = this.#lanes.map((lane, place) => lane[done[place] ?? 0]);
    // The next step must belong to a call that was invoked before any of the remaining calls returned.
    const before = Math.min(...next.map((step) => step?.call.returned ?? Infinity));
    if (before === Infinity) return true;
    const key = keyOf(done, state);
    if (this.#failed.has(key)) return false;
    this.#noteLongest(done, next, before);
    for (const [place, step] of next.entries()) {
      if (step === undefined || step.call.invoked > before) continue;
      const after = step.change(state);
      if (after === IMPOSSIBLE) continue;
      if (this.from(this.#lanes.map((_, lane) => (done[lane] ?? 0) + Number(lane === place)), after)) return true;
    }
    this.#failed.add(key);
    return false;
  }

  #noteLongest(done: readonly number[], next: readonly (Step | undefined)[], before: number): void {
    const steps = done.reduce((sum, count) => sum + count, 0);
    if (steps <= this.#longest) return;
    this.#longest = steps;
    const calls = next.filter((step) => step !== undefined).map(({ call }) => call);
    this.stuckAt = calls.filter(({ invoked }) => invoked < before);
  }
}

function keyOf(done: readonly number[], state: number): number {
  return done.reduce((key, steps) => key * MOST_STEPS + steps, 0) * 2 ** (BITS * MOST_BLOCKS) + state;
}

/** A pool without concurrency. */
class Model {
  readonly #blocks: number;
  readonly #changing: Changing;

  constructor(blocks: number, changing: Changing) {
    this.#blocks = blocks;
    this.#changing = changing;
  }

  /** The changes that a call makes, one after another. */
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

  /** Allocates runs of `length` blocks with these first blocks. */
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

  /** Frees all of these runs. If it was not done, then one of them must have been not allocated, or named twice. */
  #freeing(blocks: readonly number[], done: boolean): Change[] {
    const possible = (state: number): boolean =>
      new Set(blocks).size === blocks.length && blocks.every((block) => starts(state, block));
    if (!done) return [(state) => possible(state) ? IMPOSSIBLE : state];
    const end: Change = (state) =>
      possible(state) ? blocks.reduce((next, block) => withBlock(next, block, TAKEN), state) : IMPOSSIBLE;
    const release: Change = (state) => blocks.reduce((next, block) => this.#without(next, block), state);
    return this.#inOrder(end, release);
  }

  /** Two changes at different moments, or both at once. */
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

/** Whether calls of two workers overlapped in time. */
export function overlaps(calls: readonly Call[]): boolean {
  return calls.some((one) =>
    calls.some((other) => one.worker !== other.worker && one.invoked < other.returned && other.invoked < one.returned)
  );
}

/**
 * A table of a history: a line for each call in order of invocation, a column for each worker. Marks the `stuck` calls.
 */
export function pictureOf(calls: readonly Call[], stuck: readonly Call[] = []): string {
  const workers = [...new Set(calls.map(({ worker }) => worker))].sort((one, other) => one - other);
  const width = Math.max(...calls.map(({ operation }) => textOf(operation).length));
  const start = Math.min(...calls.map(({ invoked }) => invoked));
  const line = (mark: string, moments: string, columns: readonly string[]): string =>
    `${mark} ${moments.padStart(8)}  ${columns.map((column) => column.padEnd(width)).join("  ")}`.trimEnd();
  const lines = calls.toSorted((one, other) => one.invoked - other.invoked).map((call) => {
    const { worker, invoked, returned, operation } = call;
    const columns = workers.map((column) => column === worker ? textOf(operation) : "");
    return line(stuck.includes(call) ? "*" : " ", `${invoked - start} to ${returned - start}`, columns);
  });
  return [line(" ", "moments", workers.map((worker) => `worker ${worker}`)), ...lines].join("\n");
}

function textOf(operation: Operation): string {
  switch (operation.kind) {
    case "alloc":
      return `alloc ${operation.length}: ${operation.got === NONE ? "null" : operation.got}`;
    case "allocMany":
      return `allocMany 2: ${operation.got === NONE ? "null" : operation.got.join(" and ")}`;
    case "free":
      return `free ${operation.block}: ${operation.done ? "done" : "refused"}`;
    case "freeMany":
      return `freeMany ${operation.blocks.join(" and ")}: ${operation.done ? "done" : "refused"}`;
    case "look":
      return `look at ${operation.block}: ${operation.done ? "allocated" : "not allocated"}`;
  }
}
