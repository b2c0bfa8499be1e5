import type { StateStore } from "../state_store.ts";
import { ArrayStacks } from "./array_stacks.ts";
import { BucketQueue } from "./bucket_queue.ts";

/** A state as one usually writes it: an object with an array of tiles. */
export interface ObjectState {
  readonly tiles: Uint8Array;
  readonly parent: ObjectState | null;
  readonly g: number;
  readonly h: number;
  readonly blank: number;
  readonly previousBlank: number;
  replaced: boolean;
}

/** States on the garbage-collected heap: a Map of the known boards, and an array for each stack of the frontier. */
export class ObjectStore implements StateStore<ObjectState | null> {
  readonly none = null;
  readonly #known = new Map<string, ObjectState>();
  readonly #queue = new BucketQueue<ObjectState | null>(null, new ArrayStacks());

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

  /** The garbage collector frees unreachable states. */
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

  /** A Map offers no way to fetch ahead. */
  expect(): void {}

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

  push(state: ObjectState): void {
    this.#queue.push(state, state.g + state.h, state.h);
  }

  pop(limit: number): ObjectState | null {
    let state = this.#queue.pop(limit);
    while (state?.replaced) state = this.#queue.pop(limit);
    return state;
  }

  close(): void {}
}

/** The board as a string with one character for each tile: a Map compares strings by value. */
function keyOf(state: ObjectState): string {
  return String.fromCharCode.apply(null, state.tiles as unknown as number[]);
}
