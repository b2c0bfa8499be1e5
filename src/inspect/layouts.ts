import type { BlockInfo, LeakInfo } from "../../mod.ts";
import { MemPoolError } from "../base/errors.ts";

/** The part of a pool that this file needs. */
interface Listing {
  leaks?(): readonly LeakInfo[];
}

/** Numbers the layouts of the records in a checked pool, in the order of their names. */
export class LayoutNumbers {
  readonly names: readonly string[];
  /** By offset, the number of the layout whose record starts there. */
  readonly #numbers = new Map<number, number>();

  constructor(pool: Listing) {
    const records = leaksOf(pool).filter(({ record }) => record !== undefined);
    this.names = [...new Set(records.map(({ record }) => record!))].sort();
    const numbers = new Map(this.names.map((name, at) => [name, at + 1]));
    for (const { offset, record } of records) this.#numbers.set(offset, numbers.get(record!)!);
  }

  /** The same run, owned by its layout instead of its worker. */
  ownerOf(block: BlockInfo): BlockInfo {
    return { ...block, owner: block.state === "allocated" ? this.#numbers.get(block.offset) ?? 0 : 0 };
  }
}

/** The leaks of a checked pool. Throws an error about the map, which is what the caller has asked for. */
function leaksOf(pool: Listing): readonly LeakInfo[] {
  if (pool.leaks === undefined) throw new TypeError("Cannot inspect pool by layout: it has no method leaks");
  try {
    return pool.leaks();
  } catch (error) {
    if (!(error instanceof MemPoolError && error.code === "unsupported")) throw error;
    throw new MemPoolError("unsupported", "Cannot inspect pool by layout: the pool was made without checked: true");
  }
}
