import { recordBytes, type Records, TILES, UNIT, type Words } from "./records.ts";

const WORDS = UNIT / 4;

/** Records in one buffer. The index of a field is computed from the reference, so a state needs no object. */
export abstract class MappedRecords implements Records {
  readonly byteLength: number;
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #cells: number;
  readonly #recordWords: number;

  constructor(buffer: ArrayBuffer, cells: number) {
    this.byteLength = recordBytes(cells);
    this.#words = new Int32Array(buffer, 0, Math.floor(buffer.byteLength / 4));
    this.#bytes = new Uint8Array(buffer);
    this.#cells = cells;
    this.#recordWords = this.byteLength / 4;
  }

  abstract allocate(): number;
  abstract release(ref: number): void;

  abstract allocateTable(words: number): Words;
  abstract releaseTable(table: Words): void;
  abstract close(): void;

  get(ref: number, field: number): number {
    return this.#words[ref * WORDS + field]!;
  }

  set(ref: number, field: number, value: number): void {
    this.#words[ref * WORDS + field] = value;
  }

  writeTiles(ref: number, tiles: Uint8Array): void {
    const first = ref * UNIT + 4 * TILES;
    // `sameTiles` compares whole words, including the bytes after the last tile.
    for (let k = 4 * TILES; k < this.byteLength; k++) this.#bytes[ref * UNIT + k] = 0;
    this.#bytes.set(tiles, first);
  }

  readTiles(ref: number, tiles: Uint8Array): void {
    const bytes = this.#bytes;
    const first = ref * UNIT + 4 * TILES;
    for (let k = 0; k < this.#cells; k++) tiles[k] = bytes[first + k]!;
  }

  writeMoved(ref: number, parent: number, tile: number, from: number, to: number): void {
    const words = this.#words;
    const target = ref * WORDS;
    const source = parent * WORDS;
    for (let k = TILES; k < this.#recordWords; k++) words[target + k] = words[source + k]!;
    const first = ref * UNIT + 4 * TILES;
    this.#bytes[first + from] = 0;
    this.#bytes[first + to] = tile;
  }

  sameTiles(a: number, b: number): boolean {
    const words = this.#words;
    const left = a * WORDS;
    const right = b * WORDS;
    for (let k = TILES; k < this.#recordWords; k++) {
      if (words[left + k] !== words[right + k]) return false;
    }
    return true;
  }
}
