import type { StateStore } from "../state_store.ts";
import { BucketQueue, NO_LIMIT } from "./bucket_queue.ts";
import { ClosedTable } from "./closed_table.ts";
import { LinkedStacks } from "./linked_stacks.ts";
import { BLANKS, COST, HASH, NONE, PARENT, type Records, REPLACED } from "./records.ts";
import { Zobrist } from "./zobrist.ts";

/** A store of records. The frontier links the records to each other, and the table of known boards holds references. */
export class RecordStore implements StateStore<number> {
  readonly none = NONE;
  /** The number of states released. */
  released = 0;
  readonly #records: Records;
  readonly #table: ClosedTable;
  readonly #queue: BucketQueue<number>;
  readonly #zobrist: Zobrist;
  /** The hash of the board that was loaded last. */
  #loadedHash = 0;

  constructor(records: Records, cells: number, tableBits?: number) {
    this.#records = records;
    this.#table = new ClosedTable(records, tableBits);
    this.#queue = new BucketQueue(NONE, new LinkedStacks(records));
    this.#zobrist = new Zobrist(cells);
  }

  start(tiles: Uint8Array, blank: number, h: number): number {
    const ref = this.#records.allocate();
    this.#records.writeTiles(ref, tiles);
    this.#records.set(ref, HASH, this.#zobrist.of(tiles));
    this.#describe(ref, NONE, 0, h, blank, blank);
    return ref;
  }

  load(ref: number, tiles: Uint8Array): void {
    this.#records.readTiles(ref, tiles);
    this.#loadedHash = this.#zobrist.of(tiles);
  }

  child(parent: number, tile: number, from: number, to: number, g: number, h: number): number {
    const ref = this.#records.allocate();
    this.#records.writeMoved(ref, parent, tile, from, to);
    this.#records.set(ref, HASH, this.#loadedHash ^ this.#zobrist.change(tile, from, to));
    this.#describe(ref, parent, g, h, from, to);
    return ref;
  }

  #describe(ref: number, parent: number, g: number, h: number, blank: number, previousBlank: number): void {
    const records = this.#records;
    records.set(ref, PARENT, parent);
    records.set(ref, COST, g << 16 | h);
    records.set(ref, BLANKS, previousBlank << 8 | blank);
  }

  release(ref: number): void {
    this.released++;
    this.#records.release(ref);
  }

  g(ref: number): number {
    return this.#records.get(ref, COST) >>> 16;
  }

  h(ref: number): number {
    return this.#records.get(ref, COST) & 0xffff;
  }

  blank(ref: number): number {
    return this.#records.get(ref, BLANKS) & 0xff;
  }

  previousBlank(ref: number): number {
    return this.#records.get(ref, BLANKS) >>> 8;
  }

  parent(ref: number): number {
    return this.#records.get(ref, PARENT);
  }

  expect(refs: readonly number[], count: number): void {
    this.#table.fetch(refs, count);
  }

  /** The hash of a new state's board. */
  hash(ref: number): number {
    return this.#records.get(ref, HASH);
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
    this.#records.set(known, PARENT, REPLACED);
  }

  push(ref: number): void {
    const h = this.h(ref);
    this.#queue.push(ref, this.g(ref) + h, h);
  }

  pop(limit: number): number {
    let ref = this.#queue.pop(limit);
    while (ref !== NONE && this.#records.get(ref, PARENT) === REPLACED) {
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
    this.#records.close();
  }
}
