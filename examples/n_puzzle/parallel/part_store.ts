import { NO_LIMIT } from "../stores/bucket_queue.ts";
import { EXPANDED, NEXT, NONE, type Records } from "../stores/records.ts";
import { RecordStore } from "../stores/record_store.ts";
import type { Partition } from "./partition.ts";

/** One worker's part of the states: those boards that it owns. It also makes the states of others. */
export class PartStore extends RecordStore {
  readonly #partition: Partition;
  readonly #worker: number;
  #loadedMark = 0;
  #owner = 0;
  #fetched = 0;
  /** States given back. */
  released = 0;

  constructor(records: Records, cells: number, partition: Partition, worker: number, tableBits: number) {
    super(records, cells, tableBits);
    this.#partition = partition;
    this.#worker = worker;
  }

  /** Who owns the board made last. */
  get owner(): number {
    return this.#owner;
  }

  /** Hash of the board made last. */
  get hash(): number {
    return this.madeHash;
  }

  override load(ref: number, tiles: Uint8Array): void {
    super.load(ref, tiles);
    this.#loadedMark = this.#partition.markOf(tiles);
  }

  override expect(tile: number, from: number, to: number): void {
    if (this.#ownerAfter(tile, from, to) === this.#worker) super.expect(tile, from, to);
  }

  override child(parent: number, tile: number, from: number, to: number, g: number, h: number): number {
    this.#owner = this.#ownerAfter(tile, from, to);
    return super.child(parent, tile, from, to, g, h);
  }

  override release(ref: number): void {
    this.released++;
    super.release(ref);
  }

  /** Says that this state, made by another worker, will be looked at, and `knowHashed` called. */
  fetch(ref: number, hash: number): void {
    this.table.fetch(hash);
    this.#fetched ^= this.records.get(ref, NEXT);
  }

  /** `know` for a state whose board has this hash. */
  knowHashed(ref: number, hash: number): number {
    return this.table.know(ref, hash);
  }

  /**
   * States of other workers come in any order, so a shorter way to a state that is expanded already can turn up: then
   * the new state takes its place and is expanded too. The old one stays, because its children refer to it.
   */
  override replace(known: number, ref: number): void {
    if (this.records.get(known, NEXT) === EXPANDED) this.table.replaceFound(ref);
    else super.replace(known, ref);
  }

  override pop(limit?: number): number {
    const ref = super.pop(limit);
    if (ref !== NONE) this.records.set(ref, NEXT, EXPANDED);
    return ref;
  }

  /** The lowest f of the frontier. */
  lowest(): number {
    return this.queue.lowest(NO_LIMIT);
  }

  /** Gives the table back and leaves the pool. The states stay. */
  override close(): void {
    this.table.close();
    super.close();
  }

  #ownerAfter(tile: number, from: number, to: number): number {
    return this.#partition.ownerOf(this.#loadedMark ^ this.#partition.change(tile, from, to));
  }
}
