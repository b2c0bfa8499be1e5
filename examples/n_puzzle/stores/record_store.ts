import type { StateStore } from "../state_store.ts";
import { BucketQueue, NO_LIMIT } from "./bucket_queue.ts";
import { ClosedTable } from "./closed_table.ts";
import { BLANKS, COST, NONE, PARENT, type Records, REPLACED } from "./records.ts";
import { Zobrist } from "./zobrist.ts";

/** States as records: the frontier is linked through them, the table of known boards holds references. */
export class RecordStore implements StateStore<number> {
  readonly none = NONE;
  protected readonly records: Records;
  protected readonly table: ClosedTable;
  protected readonly queue: BucketQueue;
  readonly #zobrist: Zobrist;
  /** Hash of the board loaded last. */
  #loadedHash = 0;
  /** Hash of the board made last. */
  protected madeHash = 0;

  constructor(records: Records, cells: number, tableBits?: number) {
    this.records = records;
    this.table = new ClosedTable(records, tableBits);
    this.queue = new BucketQueue(records);
    this.#zobrist = new Zobrist(cells);
  }

  start(tiles: Uint8Array, blank: number, h: number): number {
    const ref = this.records.allocate();
    this.records.writeTiles(ref, tiles);
    this.#describe(ref, NONE, 0, h, blank, blank);
    this.madeHash = this.#zobrist.of(tiles);
    return ref;
  }

  load(ref: number, tiles: Uint8Array): void {
    this.records.readTiles(ref, tiles);
    this.#loadedHash = this.#zobrist.of(tiles);
  }

  expect(tile: number, from: number, to: number): void {
    this.table.fetch(this.#loadedHash ^ this.#zobrist.change(tile, from, to));
  }

  child(parent: number, tile: number, from: number, to: number, g: number, h: number): number {
    const ref = this.records.allocate();
    this.records.writeMoved(ref, parent, tile, from, to);
    this.#describe(ref, parent, g, h, from, to);
    this.madeHash = this.#loadedHash ^ this.#zobrist.change(tile, from, to);
    return ref;
  }

  #describe(ref: number, parent: number, g: number, h: number, blank: number, previousBlank: number): void {
    const records = this.records;
    records.set(ref, PARENT, parent);
    records.set(ref, COST, g << 16 | h);
    records.set(ref, BLANKS, previousBlank << 8 | blank);
  }

  release(ref: number): void {
    this.records.release(ref);
  }

  g(ref: number): number {
    return this.records.get(ref, COST) >>> 16;
  }

  h(ref: number): number {
    return this.records.get(ref, COST) & 0xffff;
  }

  blank(ref: number): number {
    return this.records.get(ref, BLANKS) & 0xff;
  }

  previousBlank(ref: number): number {
    return this.records.get(ref, BLANKS) >>> 8;
  }

  parent(ref: number): number {
    return this.records.get(ref, PARENT);
  }

  know(ref: number): number {
    return this.table.know(ref, this.madeHash);
  }

  replace(known: number, ref: number): void {
    this.table.replaceFound(ref);
    // It stays in its bucket until it comes up: taking it out of the middle would need a second link.
    this.records.set(known, PARENT, REPLACED);
  }

  push(ref: number, f: number): void {
    this.queue.push(ref, f);
  }

  pop(limit = NO_LIMIT): number {
    let ref = this.queue.pop(limit);
    while (ref !== NONE && this.records.get(ref, PARENT) === REPLACED) {
      this.release(ref);
      ref = this.queue.pop(limit);
    }
    return ref;
  }

  close(): void {
    this.records.close();
  }
}
