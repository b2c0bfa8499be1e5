import { MappedRecords } from "./mapped_records.ts";
import { NEXT, recordBytes, StoreFullError, UNIT, type Words } from "./records.ts";

/** The control of the benchmarks: an arena, written by hand, that does no more than this search needs. */
export class ArenaRecords extends MappedRecords {
  readonly #units: number;
  readonly #end: number;
  #fresh = 0;
  #free = -1;

  constructor(memory: number, cells: number) {
    super(new ArrayBuffer(memory), cells);
    this.#units = Math.ceil(recordBytes(cells) / UNIT);
    this.#end = Math.floor(memory / UNIT) - this.#units;
  }

  allocate(): number {
    if (this.#free >= 0) {
      const ref = this.#free;
      this.#free = this.get(ref, NEXT);
      return ref;
    }
    if (this.#fresh > this.#end) throw new StoreFullError();
    const ref = this.#fresh;
    this.#fresh += this.#units;
    return ref;
  }

  allocateTable(words: number): Words {
    return new Int32Array(words);
  }

  releaseTable(): void {}

  close(): void {}

  release(ref: number): void {
    this.set(ref, NEXT, this.#free);
    this.#free = ref;
  }
}
