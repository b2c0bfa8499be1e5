import type { MemPool } from "../../../mod.ts";
import { NONE, recordBytes, type StateMemory, type StateRecords, StoreFullError, type Words } from "./records.ts";

/** A power of two. */
const KEPT_VIEWS = 1024;

// The words of a state. The last one has the cells of the blank, now and one move earlier; the tiles follow.
const PARENT = 0;
const LINK = 1;
const COSTS = 2;
const BLANKS = 3;
const TILES = 4;

/**
 * States in ArrayBuffers from `alloc`, one for each. They refer to each other by block number, because a buffer cannot
 * hold a reference to an object; `at` returns the buffer of a block. Millions of live buffers would fill the JavaScript
 * heap, so only the views used most recently are kept.
 */
export class BufferMemory implements StateMemory {
  readonly states: StateRecords;
  readonly #pool: MemPool;
  readonly #bytes: number;
  /** Kept views, at places chosen by block number, and the block that each view belongs to. */
  readonly #views: Words[] = Array<Words>(KEPT_VIEWS).fill(new Int32Array());
  readonly #owners = new Int32Array(KEPT_VIEWS).fill(NONE);

  constructor(pool: MemPool, cells: number) {
    this.#pool = pool;
    this.#bytes = recordBytes(cells);
    const at = (ref: number): Words => this.#view(ref);
    this.states = {
      alloc: () => this.#allocate(),
      free: (ref) => this.#free(ref),
      get: {
        parent: (ref) => at(ref)[PARENT]!,
        link: (ref) => at(ref)[LINK]!,
        g: (ref) => at(ref)[COSTS]! >>> 16,
        h: (ref) => at(ref)[COSTS]! & 0xffff,
        blank: (ref) => at(ref)[BLANKS]! & 0xff,
        previousBlank: (ref) => at(ref)[BLANKS]! >>> 8,
        tiles: (ref, word) => at(ref)[TILES + word]!,
      },
      set: {
        parent: (ref, parent) => at(ref)[PARENT] = parent,
        link: (ref, link) => at(ref)[LINK] = link,
        g: (ref, g) => at(ref)[COSTS] = g << 16 | (at(ref)[COSTS]! & 0xffff),
        h: (ref, h) => at(ref)[COSTS] = (at(ref)[COSTS]! & ~0xffff) | h,
        blank: (ref, blank) => at(ref)[BLANKS] = (at(ref)[BLANKS]! & ~0xff) | blank,
        previousBlank: (ref, blank) => at(ref)[BLANKS] = blank << 8 | (at(ref)[BLANKS]! & 0xff),
        tiles: (ref, word, tiles) => at(ref)[TILES + word] = tiles,
      },
    };
  }

  allocateTable(words: number): Words {
    const buffer = this.#pool.alloc(4 * words);
    if (buffer === null) throw new StoreFullError();
    return new Int32Array(buffer);
  }

  releaseTable(table: Words): void {
    this.#pool.free(table.buffer);
  }

  close(): void {
    this.#pool.destroy();
  }

  #allocate(): number {
    const buffer = this.#pool.alloc(this.#bytes);
    if (buffer === null) return NONE;
    const ref = this.#pool.offsetOf(buffer) / this.#pool.blockSize;
    this.#keep(ref, buffer);
    return ref;
  }

  #free(ref: number): void {
    this.#pool.free(this.#view(ref).buffer);
    this.#owners[ref & (KEPT_VIEWS - 1)] = NONE;
  }

  #view(ref: number): Words {
    const place = ref & (KEPT_VIEWS - 1);
    return this.#owners[place] === ref
      ? this.#views[place]!
      : this.#keep(ref, this.#pool.at(ref * this.#pool.blockSize));
  }

  #keep(ref: number, buffer: ArrayBuffer): Words {
    const place = ref & (KEPT_VIEWS - 1);
    const view = new Int32Array(buffer);
    this.#views[place] = view;
    this.#owners[place] = ref;
    return view;
  }
}
