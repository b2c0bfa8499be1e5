import type { Attachment } from "./attachment.ts";
import { MemPoolError } from "./base/errors.ts";
import type { BlockCache } from "./cache/block_cache.ts";
import { recordSummaryOf } from "./diagnostics/record_summary.ts";
import type { Operations } from "./operations.ts";
import { accessorsOf } from "./records/accessors.ts";
import { RecordData } from "./records/data.ts";
import { fieldsOf } from "./records/layout.ts";
import { placesOf } from "./records/places.ts";
import { type RecordHost, RecordSet } from "./records/records.ts";
import type { RecordLayout } from "./records/types.ts";
import { isLive } from "./region/validate.ts";

/** Returns the operations of the pool object; throws "closed" or "destroyed". */
type Live = (action: string) => Operations;

/** The records of one pool object: an object for each layout, and the data that all of them read and write. */
export class PoolRecords {
  readonly #attachment: Attachment;
  readonly #live: Live;
  readonly #byLayout = new Map<RecordLayout, RecordSet>();
  #data: RecordData | undefined = undefined;

  constructor(attachment: Attachment, live: Live) {
    this.#attachment = attachment;
    this.#live = live;
  }

  of(layout: RecordLayout): RecordSet {
    const operations = this.#live("make records");
    const fields = fieldsOf("make records", layout);
    const known = this.#byLayout.get(layout);
    if (known !== undefined) return known;
    const { allocator, region: { blockSize, table } } = this.#attachment;
    const { capacity } = table;
    this.#checkSize(capacity * blockSize);
    const data = this.#data ??= new RecordData({
      owner: this.#live,
      byteLength: () => table.blockCount * blockSize,
      buffer: () => operations.buffer(),
    });
    const live = this.#live;
    const checks = operations.recordChecks(layout);
    const host: RecordHost = {
      blocks: { blockSize, capacity },
      data,
      live,
      summary: (layout, levels, inspection) => {
        return recordSummaryOf({ layout, count: this.#countOf(layout) }, levels, inspection);
      },
    };
    const accessors = accessorsOf(
      placesOf(fields, host.blocks),
      data,
      checks && {
        check: (action, ref) => {
          live(action);
          checks.check(action, ref);
        },
        bufferOf: (action, ref) => {
          live(action);
          return checks.bufferOf(action, ref);
        },
      },
    );
    const records = new RecordSet(host, layout, accessors, allocator.cache);
    this.#byLayout.set(layout, records);
    return records;
  }

  /** Ends every access, because the pool object has left the pool. `cache` refuses everything. */
  end(cache: BlockCache): void {
    this.#data?.end();
    for (const records of this.#byLayout.values()) records.end(cache);
    this.#byLayout.clear();
  }

  /** The records have to fit into one buffer, now and after growth. */
  #checkSize(most: number): void {
    const { maxBufferBytes } = this.#attachment;
    if (most <= maxBufferBytes) return;
    throw new MemPoolError(
      "unsupported",
      `Cannot make records: the pool may grow to ${most} bytes, and a buffer holds at most ${maxBufferBytes}`,
    );
  }

  /** How many records of a layout are allocated; undefined if the object has left the pool. */
  #countOf(layout: RecordLayout): number | undefined {
    const { region } = this.#attachment;
    const isOpen = this.#byLayout.has(layout) && isLive(region.header);
    return isOpen ? this.#attachment.countRecords(layout) : undefined;
  }
}
