import type { StateStore } from "../state_store.ts";
import { BucketQueue, NO_LIMIT } from "./bucket_queue.ts";
import { ClosedTable } from "./closed_table.ts";
import { LinkedStacks } from "./linked_stacks.ts";
import {
  NONE,
  readTiles,
  REPLACED,
  shiftOf,
  type StateMemory,
  type StateRecords,
  StoreFullError,
  tileWords,
} from "./records.ts";
import { Zobrist } from "./zobrist.ts";

/** A store of records. The frontier links the records to each other, and the table of known boards holds references. */
export class RecordStore implements StateStore<number> {
  readonly none = NONE;
  /** The number of states released. */
  released = 0;
  readonly #memory: StateMemory;
  readonly #states: StateRecords;
  /** The words of a board. */
  readonly #words: number;
  readonly #table: ClosedTable;
  readonly #queue: BucketQueue<number>;
  readonly #zobrist: Zobrist;
  /** The hash of the board that was loaded last. */
  #loadedHash = 0;

  constructor(memory: StateMemory, cells: number, tableBits?: number) {
    this.#memory = memory;
    this.#states = memory.states;
    this.#words = tileWords(cells);
    this.#table = new ClosedTable(memory, this.#words, tableBits);
    this.#queue = new BucketQueue(NONE, new LinkedStacks(memory.states));
    this.#zobrist = new Zobrist(cells);
  }

  start(tiles: Uint8Array, blank: number, h: number): number {
    const ref = this.#allocate();
    const { get, set } = this.#states;
    // Boards are compared by whole words, including the bytes after the last tile.
    for (let word = 0; word < this.#words; word++) set.tiles(ref, word, 0);
    for (let cell = 0; cell < tiles.length; cell++) {
      set.tiles(ref, cell >> 2, get.tiles(ref, cell >> 2) | tiles[cell]! << shiftOf(cell));
    }
    set.link(ref, this.#zobrist.of(tiles));
    this.#describe(ref, NONE, 0, h, blank, blank);
    return ref;
  }

  load(ref: number, tiles: Uint8Array): void {
    readTiles(this.#states.get, ref, tiles);
    this.#loadedHash = this.#zobrist.of(tiles);
  }

  child(parent: number, tile: number, from: number, to: number, g: number, h: number): number {
    const ref = this.#allocate();
    const { get, set } = this.#states;
    for (let word = 0; word < this.#words; word++) set.tiles(ref, word, get.tiles(parent, word));
    set.tiles(ref, from >> 2, get.tiles(ref, from >> 2) ^ tile << shiftOf(from));
    set.tiles(ref, to >> 2, get.tiles(ref, to >> 2) | tile << shiftOf(to));
    set.link(ref, this.#loadedHash ^ this.#zobrist.change(tile, from, to));
    this.#describe(ref, parent, g, h, from, to);
    return ref;
  }

  #allocate(): number {
    const ref = this.#states.alloc();
    if (ref === NONE) throw new StoreFullError();
    return ref;
  }

  #describe(ref: number, parent: number, g: number, h: number, blank: number, previousBlank: number): void {
    const { set } = this.#states;
    set.parent(ref, parent);
    set.g(ref, g);
    set.h(ref, h);
    set.blank(ref, blank);
    set.previousBlank(ref, previousBlank);
  }

  release(ref: number): void {
    this.released++;
    this.#states.free(ref);
  }

  g(ref: number): number {
    return this.#states.get.g(ref);
  }

  h(ref: number): number {
    return this.#states.get.h(ref);
  }

  blank(ref: number): number {
    return this.#states.get.blank(ref);
  }

  previousBlank(ref: number): number {
    return this.#states.get.previousBlank(ref);
  }

  parent(ref: number): number {
    return this.#states.get.parent(ref);
  }

  expect(refs: readonly number[], count: number): void {
    this.#table.fetch(refs, count);
  }

  /** The hash of a new state's board. */
  hash(ref: number): number {
    return this.#states.get.link(ref);
  }

  know(ref: number): number {
    return this.#table.know(ref);
  }

  /**
   * The known state stays in its stack until `pop` reaches it, because removing it earlier would need a second link. A
   * parallel search reaches states in any order, so it may have expanded the known state already. Then that state is
   * never popped again, and none of its children is on a shortest path, because the new state is expanded too.
   */
  replace(known: number, ref: number): void {
    this.#table.replaceFound(ref);
    this.#states.set.parent(known, REPLACED);
  }

  push(ref: number): void {
    const h = this.h(ref);
    this.#queue.push(ref, this.g(ref) + h, h);
  }

  pop(limit: number): number {
    let ref = this.#queue.pop(limit);
    while (ref !== NONE && this.#states.get.parent(ref) === REPLACED) {
      this.release(ref);
      ref = this.#queue.pop(limit);
    }
    return ref;
  }

  /** The lowest f on the frontier, or `NO_LIMIT` if the frontier is empty. */
  lowest(): number {
    return this.#queue.lowest(NO_LIMIT);
  }

  close(): void {
    this.#table.close();
    this.#memory.close();
  }
}
