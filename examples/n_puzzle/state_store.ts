/**
 * Stores the states of a search. A state is a board with the path that led to it. The frontier (the open states,
 * ordered by f = g + h) and the set of known boards belong to the store too. `S` is what identifies a state: a
 * reference or an object. Each process uses one kind of store, so the calls below stay monomorphic and can be inlined.
 */
export interface StateStore<S> {
  /** Stands for "no state". */
  readonly none: S;

  /** Makes the state that the search starts from. */
  start(tiles: Uint8Array, blank: number, h: number): S;
  /** Copies the board of a state into `tiles`. Until the next call, `child` makes children of this state. */
  load(state: S, tiles: Uint8Array): void;
  /**
   * Makes the state after the tile at `from` has slid to the blank at `to`. It is neither known nor on the frontier
   * yet.
   */
  child(parent: S, tile: number, from: number, to: number, g: number, h: number): S;
  /** Releases a state to which nothing refers. */
  release(state: S): void;

  g(state: S): number;
  h(state: S): number;
  blank(state: S): number;
  /** The cell of the blank one move earlier. For the first state it is the current cell of the blank. */
  previousBlank(state: S): number;
  parent(state: S): S;

  /** Announces that `know` follows for the first `count` of these states, so that the store can fetch ahead. */
  expect(states: readonly S[], count: number): void;
  /**
   * Returns the state that is known for this board. If there is none, this state becomes it, and the result is `none`.
   */
  know(state: S): S;
  /** Replaces the state that the last `know` returned. */
  replace(known: S, state: S): void;

  /** Adds the state that was looked up last to the frontier. */
  push(state: S): void;
  /** Takes the state with the lowest f, and among these with the lowest h. Returns `none` if no f is below `limit`. */
  pop(limit: number): S;

  /** Releases all states at once. */
  close(): void;
}
