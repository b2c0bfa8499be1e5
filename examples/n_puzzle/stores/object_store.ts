import type { StateStore } from "../state_store.ts";

/** A state as a plain object. */
export interface ObjectState {
  readonly tiles: Uint8Array;
  readonly parent: ObjectState | null;
  readonly g: number;
  readonly h: number;
  readonly blank: number;
  readonly previousBlank: number;
  replaced: boolean;
}

/** States on the garbage-collected heap: a Map of known boards, an array for each bucket of the frontier. */
export class ObjectStore implements StateStore<ObjectState | null> {
  readonly none = null;
  readonly #known = new Map<string, ObjectState>();
  readonly #buckets: ObjectState[][] = [];
  #lowest = 0;

  start(tiles: Uint8Array, blank: number, h: number): ObjectState {
    return { tiles: tiles.slice(), parent: null, g: 0, h, blank, previousBlank: blank, replaced: false };
  }

  load(state: ObjectState, tiles: Uint8Array): void {
    tiles.set(state.tiles);
  }

  child(parent: ObjectState, tile: number, from: number, to: number, g: number, h: number): ObjectState {
    const tiles = new Uint8Array(parent.tiles);
    tiles[from] = 0;
    tiles[to] = tile;
    return { tiles, parent, g, h, blank: from, previousBlank: to, replaced: false };
  }

  /** A Map lets nobody fetch ahead. */
  expect(): void {}

  /** The collector finds out by itself. */
  release(): void {}

  g(state: ObjectState): number {
    return state.g;
  }

  h(state: ObjectState): number {
    return state.h;
  }

  blank(state: ObjectState): number {
    return state.blank;
  }

  previousBlank(state: ObjectState): number {
    return state.previousBlank;
  }

  parent(state: ObjectState): ObjectState | null {
    return state.parent;
  }

  know(state: ObjectState): ObjectState | null {
    const key = keyOf(state);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    this.#known.set(key, state);
    return null;
  }

  replace(known: ObjectState, state: ObjectState): void {
    known.replaced = true;
    this.#known.set(keyOf(state), state);
  }

  push(state: ObjectState, f: number): void {
    (this.#buckets[f] ??= []).push(state);
  }

  pop(): ObjectState | null {
    while (this.#lowest < this.#buckets.length) {
      const state = this.#buckets[this.#lowest]?.pop();
      if (state === undefined) this.#lowest++;
      else if (!state.replaced) return state;
    }
    return null;
  }

  close(): void {}
}

/** The board as a string of one byte a tile: the shortest key that a Map compares by value. */
function keyOf(state: ObjectState): string {
  return String.fromCharCode.apply(null, state.tiles as unknown as number[]);
}
