import { checkFromZero, checkRefs } from "../base/arguments.ts";
import { MemPoolError } from "../base/errors.ts";
import type { BlockCache } from "../cache/block_cache.ts";
import { type Inspection, INSPECTORS } from "../runtime/console.ts";
import type { CursorClass } from "./closures.ts";
import type { RecordData } from "./data.ts";
import type { Blocks } from "./places.ts";
import type { RecordCursor, RecordFields, RecordLayout, Records } from "./types.ts";

/** What is done in full, where the fast path does not apply. Nothing changes before every argument has been checked. */
export interface RecordOperations {
  allocRecord(layout: RecordLayout): number;
  callocRecord(layout: RecordLayout): number;
  freeRecord(ref: number): void;
  allocRecords(count: number, layout: RecordLayout): Int32Array | null;
  freeRecords(refs: readonly number[]): void;
}

/** What the records of one pool object share. */
export interface RecordHost {
  readonly blocks: Blocks;
  readonly data: RecordData;
  /** The operations of the pool object; throws "closed" or "destroyed". */
  live(action: string): RecordOperations;
  summary(layout: RecordLayout, levels: unknown, inspection?: Inspection): string;
}

/** The accessors under their public names. */
export interface PublicAccessors {
  readonly get: object;
  readonly set: object;
  readonly view: object;
  readonly atomics: object;
  readonly Cursor: CursorClass;
}

/**
 * The records of one layout in one pool object. The rules for fields are those of src/cache/block_cache.ts: declared, and
 * assigned once.
 */
export class RecordSet implements Records {
  declare readonly layout: RecordLayout;
  declare readonly get: Records["get"];
  declare readonly set: Records["set"];
  declare readonly view: Records["view"];
  declare readonly atomics: Records["atomics"];
  declare private cache: BlockCache;
  declare private readonly host: RecordHost;
  declare private readonly Cursor: CursorClass;
  declare private readonly bytes: number;
  declare private readonly capacity: number;
  declare private readonly blockSize: number;

  static {
    for (const name of INSPECTORS) {
      Object.defineProperty(this.prototype, name, { value: inspect, writable: true, configurable: true });
    }
    function inspect(this: RecordSet, levels: unknown, inspection?: Inspection): string {
      return this.host === undefined ? "Records {}" : this.host.summary(this.layout, levels, inspection);
    }
  }

  constructor(host: RecordHost, layout: RecordLayout, accessors: PublicAccessors, cache: BlockCache) {
    this.layout = layout;
    this.get = accessors.get as Records["get"];
    this.set = accessors.set as Records["set"];
    this.view = accessors.view as Records["view"];
    this.atomics = accessors.atomics as Records["atomics"];
    this.cache = cache;
    this.host = host;
    this.Cursor = accessors.Cursor;
    this.bytes = layout.byteLength;
    this.capacity = host.blocks.capacity;
    this.blockSize = host.blocks.blockSize;
  }

  alloc(): number {
    const ref = this.cache.take(this.bytes);
    return ref < 0 ? this.allocSlowly() : ref;
  }

  calloc(): number {
    const ref = this.host.live("allocate").callocRecord(this.layout);
    this.cover(ref);
    return ref;
  }

  free(ref: number): void {
    // The type first: the conversion of an object would run the caller's code.
    if (typeof ref !== "number" || ref !== ref >>> 0 || ref >= this.capacity || !this.cache.give(ref)) {
      this.freeSlowly(ref);
    }
  }

  allocMany(count: number): Int32Array | null {
    const refs = this.host.live("allocate").allocRecords(count, this.layout);
    for (let at = 0; refs !== null && at < refs.length; at++) this.cover(refs[at]!);
    return refs;
  }

  freeMany(refs: Iterable<number>): void {
    this.host.live("free");
    const given = checkRefs("free", refs, this.capacity);
    // Again: iterating has run the caller's code.
    this.host.live("free").freeRecords(given);
  }

  cursor(ref = -1): RecordCursor<RecordFields> {
    return new this.Cursor(ref);
  }

  offsetOf(ref: number): number {
    checkFromZero("locate", "ref", ref);
    if (ref < this.capacity) return ref * this.blockSize;
    throw new RangeError(`Cannot locate: ref must be below what the pool can ever hold, ${this.capacity}, got ${ref}`);
  }

  refAt(offset: number): number {
    checkFromZero("look at", "offset", offset);
    const ref = offset / this.blockSize;
    if (ref % 1 === 0 && ref < this.capacity) return ref;
    throw new MemPoolError("foreign-block", `Cannot look at offset ${offset}: no block of this pool starts there`);
  }

  /** Takes this object out of the pool: from now on `cache` refuses everything. */
  end(cache: BlockCache): void {
    this.cache = cache;
  }

  // Methods of their own, so that `alloc` and `free` stay small enough for the engines to inline them.

  private freeSlowly(ref: number): void {
    this.host.live("free").freeRecord(ref);
  }

  private allocSlowly(): number {
    const ref = this.host.live("allocate").allocRecord(this.layout);
    this.cover(ref);
    return ref;
  }

  /** Covers a record, which may lie in blocks that the pool has just grown by. */
  private cover(ref: number): void {
    try {
      this.host.data.ensure(ref * this.blockSize + this.bytes);
    } catch {
      // The record is allocated, so the call must return it. Its first access tries again, and throws the error.
    }
  }
}
