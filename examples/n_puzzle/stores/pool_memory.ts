import { type MemPool, record, type RecordLayout } from "../../../mod.ts";
import {
  type StateFields,
  type StateMemory,
  type StateRecords,
  StoreFullError,
  tileWords,
  type Words,
} from "./records.ts";

/** The layout of the states of boards with this many cells. */
export function stateLayout(cells: number): RecordLayout<StateFields> {
  return record({
    parent: "ref",
    link: "ref",
    g: "u16",
    h: "u16",
    blank: "u8",
    previousBlank: "u8",
    tiles: ["i32", tileWords(cells)],
  }, { name: "State" });
}

/** States as records of a pool. */
export class PoolMemory implements StateMemory {
  readonly states: StateRecords;
  readonly #pool: MemPool;

  constructor(pool: MemPool, cells: number) {
    this.#pool = pool;
    this.states = pool.records(stateLayout(cells));
  }

  allocateTable(words: number): Words {
    const table = this.#pool.allocArray(Int32Array, words);
    if (table === null) throw new StoreFullError();
    return table as Words;
  }

  releaseTable(table: Words): void {
    this.#pool.free(table);
  }

  /** Destroys the pool where it was created, and leaves it where it was attached. */
  close(): void {
    this.#pool[Symbol.dispose]();
  }
}
