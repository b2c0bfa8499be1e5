import { FreeLists } from "./free_lists.ts";
import {
  BLOCK_COUNT,
  BLOCK_SIZE,
  CACHED_BLOCKS,
  CACHED_BUFFERS,
  FORMAT,
  HEADER_BYTES,
  HEADER_FORMAT,
  HEADER_MAGIC,
  LIVE,
  LOCK_TIMEOUT,
  MAGIC,
  metaBytes,
  NEXT_WORKER,
  STATE,
  WARN_ON_MISUSE,
} from "./layout.ts";
import type { Settings } from "./options.ts";
import { Runs } from "./runs.ts";
import { BlockTable } from "./table.ts";

/** Header and table of a region as typed arrays, and the structures that live in them. */
export class Views {
  readonly header: Int32Array;
  readonly counters: Float64Array;
  readonly table: BlockTable;
  readonly lists: FreeLists;
  readonly runs: Runs;
  readonly blockSize: number;

  /** Of a region whose geometry `misfit` has found to be right. */
  constructor(meta: ArrayBuffer) {
    this.header = new Int32Array(meta, 0, HEADER_BYTES / Int32Array.BYTES_PER_ELEMENT);
    this.counters = new Float64Array(meta, 0, HEADER_BYTES / Float64Array.BYTES_PER_ELEMENT);
    this.table = new BlockTable(new Int32Array(meta, HEADER_BYTES), this.header[BLOCK_COUNT]!);
    this.lists = new FreeLists(this.header, this.table);
    this.runs = new Runs(this.header, this.counters, this.table, this.lists);
    this.blockSize = this.counters[BLOCK_SIZE]!;
  }
}

/** Writes a new region's header and its first descriptor. The state comes last. */
export function formatRegion(meta: ArrayBuffer, settings: Settings): Views {
  const header = new Int32Array(meta, 0, HEADER_BYTES / Int32Array.BYTES_PER_ELEMENT);
  const counters = new Float64Array(meta, 0, HEADER_BYTES / Float64Array.BYTES_PER_ELEMENT);
  header[HEADER_MAGIC] = MAGIC;
  header[HEADER_FORMAT] = FORMAT;
  header[BLOCK_COUNT] = settings.blockCount;
  counters[BLOCK_SIZE] = settings.blockSize;
  header[NEXT_WORKER] = 1;
  header[WARN_ON_MISUSE] = Number(settings.warnOnMisuse);
  header[LOCK_TIMEOUT] = settings.lockTimeout;
  header[CACHED_BLOCKS] = settings.cachedBlocks;
  header[CACHED_BUFFERS] = settings.cachedBuffers;
  const views = new Views(meta);
  views.runs.format();
  Atomics.store(header, STATE, LIVE);
  return views;
}

/** What in a region's header is not as this version writes it, or undefined when all is. */
export function misfit(meta: ArrayBuffer, dataBytes: number): string | undefined {
  const header = new Int32Array(meta, 0, HEADER_BYTES / Int32Array.BYTES_PER_ELEMENT);
  const counters = new Float64Array(meta, 0, HEADER_BYTES / Float64Array.BYTES_PER_ELEMENT);
  const blockCount = header[BLOCK_COUNT]!;
  const blockSize = counters[BLOCK_SIZE]!;
  if (header[HEADER_MAGIC] !== MAGIC) return `its magic number is ${header[HEADER_MAGIC]}`;
  if (header[HEADER_FORMAT] !== FORMAT) return `its format is ${header[HEADER_FORMAT]}, this code reads ${FORMAT}`;
  if (!(blockCount >= 1 && metaBytes(blockCount) <= meta.byteLength)) return `its block count is ${blockCount}`;
  if (!(blockSize >= 16 && blockSize % 16 === 0 && blockCount * blockSize <= dataBytes)) {
    return `its block size is ${blockSize}`;
  }
  return undefined;
}
