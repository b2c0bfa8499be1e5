/**
 * Where the states of a search live. A state is a board with the way that led to it; the frontier (open states by
 * f = g + h) and the set of known boards belong to the storage as well. `S` is how a state is named: an offset, an
 * object. A process runs one kind of store, so that the calls below stay monomorphic and are inlined.
 */
export interface StateStore<S> {
  /** Stands for "no state". */
  readonly none: S;

  /** Makes the state that the search starts from. */
  start(tiles: Uint8Array, blank: number, h: number): S;
  /** Copies the state's board into `tiles`; until the next call, `child` makes children of this state. */
  load(state: S, tiles: Uint8Array): void;
  /** Makes the state in which the tile at `from` has slid to the blank at `to`; neither known nor on the frontier yet. */
  child(parent: S, tile: number, from: number, to: number, g: number, h: number): S;
  /** Gives the room of a state back that nothing refers to. */
  release(state: S): void;

  g(state: S): number;
  h(state: S): number;
  blank(state: S): number;
  /** Where the blank was one move earlier; the blank's own cell for the first state. */
  previousBlank(state: S): number;
  parent(state: S): S;

  /** Says that `know` will be asked about the first `count` of these states: what it looks at can be fetched together. */
  expect(states: readonly S[], count: number): void;
  /** Makes a new state the known one for its board, unless one is known already: returns that, otherwise `none`. */
  know(state: S): S;
  /** Puts a state in the place of the one that the last `know` returned. */
  replace(known: S, state: S): void;

  /** Adds the state that was looked up last to the frontier. */
  push(state: S): void;
  /** Takes the state with the lowest f below `limit`, of several one with the lowest h, or `none`. */
  pop(limit: number): S;

  /** Gives all states back at once. */
  close(): void;
}
