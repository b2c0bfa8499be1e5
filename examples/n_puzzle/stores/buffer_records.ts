import type { MemPool } from "../../../mod.ts";
import { NONE, recordBytes, type Records, StoreFullError, TILES, UNIT, type Words } from "./records.ts";

/** A power of two. */
const KEPT_VIEWS = 1024;

/**
 * Records in ArrayBuffers from `alloc`, one for each state. States refer to each other by offset, because a buffer
 * cannot hold a reference to an object; `at` returns the buffer at an offset. Millions of live buffers would fill the
 * JavaScript heap, so only the views used most recently are kept.
 */
export class BufferRecords implements Records {
  readonly byteLength: number;
  readonly #pool: MemPool;
  readonly #cells: number;
  readonly #words: number;
  readonly #units: number;
  /** Kept views, at places chosen by block number, and the reference that each view belongs to. */
  readonly #views: Words[] = Array<Words>(KEPT_VIEWS).fill(new Int32Array());
  readonly #owners = new Int32Array(KEPT_VIEWS).fill(NONE);

  constructor(pool: MemPool, cells: number) {
    this.#pool = pool;
    this.#cells = cells;
    this.byteLength = recordBytes(cells);
    this.#words = this.byteLength / 4;
    this.#units = pool.blockSize / UNIT;
  }

  allocate(): number {
    const buffer = this.#pool.alloc(this.byteLength);
    if (buffer === null) throw new StoreFullError();
    const ref = this.#pool.offsetOf(buffer) / UNIT;
    this.#keep(ref, buffer);
    return ref;
  }

  release(ref: number): void {
    this.#pool.free(this.#view(ref).buffer);
    this.#owners[this.#placeOf(ref)] = NONE;
  }

  allocateTable(words: number): Words {
    const buffer = this.#pool.alloc(4 * words);
    if (buffer === null) throw new StoreFullError();
    return new Int32Array(buffer);
  }

  close(): void {
    this.#pool.destroy();
  }

  releaseTable(table: Words): void {
    this.#pool.free(table.buffer);
  }

  get(ref: number, field: number): number {
    return this.#view(ref)[field]!;
  }

  set(ref: number, field: number, value: number): void {
    this.#view(ref)[field] = value;
  }

  writeTiles(ref: number, tiles: Uint8Array): void {
    const view = this.#view(ref).fill(0, TILES);
    for (let cell = 0; cell < this.#cells; cell++) view[TILES + (cell >> 2)]! |= tiles[cell]! << shiftOf(cell);
  }

  readTiles(ref: number, tiles: Uint8Array): void {
    const view = this.#view(ref);
    for (let cell = 0; cell < this.#cells; cell++) tiles[cell] = view[TILES + (cell >> 2)]! >>> shiftOf(cell);
  }

  writeMoved(ref: number, parent: number, tile: number, from: number, to: number): void {
    const source = this.#view(parent);
    const target = this.#view(ref);
    for (let k = TILES; k < this.#words; k++) target[k] = source[k]!;
    target[TILES + (from >> 2)]! ^= tile << shiftOf(from);
    target[TILES + (to >> 2)]! |= tile << shiftOf(to);
  }

  sameTiles(a: number, b: number): boolean {
    const left = this.#view(a);
    const right = this.#view(b);
    for (let k = TILES; k < this.#words; k++) {
      if (left[k] !== right[k]) return false;
    }
    return true;
  }

  #view(ref: number): Words {
    const place = this.#placeOf(ref);
    return this.#owners[place] === ref ? this.#views[place]! : this.#keep(ref, this.#pool.at(ref * UNIT));
  }

  #keep(ref: number, buffer: ArrayBuffer): Words {
    const place = this.#placeOf(ref);
    const view = new Int32Array(buffer);
    this.#views[place] = view;
    this.#owners[place] = ref;
    return view;
  }

  #placeOf(ref: number): number {
    return ref / this.#units & (KEPT_VIEWS - 1);
  }
}

/** The lowest bit of a cell's byte in its word. */
function shiftOf(cell: number): number {
  return (cell & 3) << 3;
}
