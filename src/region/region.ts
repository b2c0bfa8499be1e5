import { Depot } from "./depot.ts";
import { FreeLists } from "./free_lists.ts";
import {
  BLOCK_CAPACITY,
  BLOCK_COUNT,
  BLOCK_COUNT_INVERTED,
  BLOCK_SIZE,
  CACHED_BLOCKS,
  CACHED_BUFFERS,
  CHECKED,
  FORMAT,
  HAS_BARRIER,
  HEADER_BYTES,
  HEADER_FORMAT,
  HEADER_MAGIC,
  HEADER_SUM,
  HIGH_WATER_INVERTED,
  LIVE,
  LOCK_TIMEOUT,
  MAGIC,
  MAX_CACHED_BLOCKS,
  metaBytes,
  NEXT_WORKER,
  PLAIN_CLAIMS,
  STATE,
  tableWord,
  waitQueueWord,
  WARN_ON_MISUSE,
} from "./layout.ts";
import { WaitQueue } from "./wait_queue.ts";
import { Runs } from "./runs.ts";
import { WorkerSlots } from "./worker_slots.ts";
import { BlockTable } from "./block_table.ts";
import { headerSum } from "./validate.ts";

/** What the header of a new region says: its geometry, and the options of the pool. */
export interface RegionSettings {
  readonly blockSize: number;
  readonly blockCount: number;
  /** The number of blocks that the pool may grow to. */
  readonly blockCapacity: number;
  readonly warnOnMisuse: boolean;
  readonly cachedBlocks: number;
  readonly cachedBuffers: number;
  readonly lockTimeout: number;
  readonly checked: boolean;
}

/** The header and the tables of a region as typed arrays, and the structures that live in them. */
export class Region {
  /** Header, caches and table, word by word. */
  readonly meta: Int32Array;
  readonly header: Int32Array;
  readonly counters: Float64Array;
  readonly table: BlockTable;
  readonly lists: FreeLists;
  readonly runs: Runs;
  readonly slots: WorkerSlots;
  readonly depot: Depot;
  readonly queue: WaitQueue;
  readonly blockSize: number;
  /** Whether the pool is a checked one. */
  readonly checked: boolean;

  /** Of a region whose geometry `misfit` has found to be right. */
  constructor(meta: ArrayBuffer) {
    this.meta = new Int32Array(meta);
    this.header = headerOf(meta);
    this.counters = countersOf(meta);
    const capacity = this.header[BLOCK_CAPACITY]!;
    const cachedBlocks = this.header[CACHED_BLOCKS]!;
    this.table = new BlockTable(this.meta.subarray(tableWord(cachedBlocks)), this.header, capacity);
    this.depot = new Depot(this.header, this.meta, this.table, cachedBlocks);
    this.queue = new WaitQueue(this.header, this.meta.subarray(waitQueueWord(cachedBlocks), tableWord(cachedBlocks)));
    this.slots = new WorkerSlots(this.header, this.counters);
    this.lists = new FreeLists(this.header, this.table);
    this.runs = new Runs(this.header, this.counters, this.table, this.lists);
    this.blockSize = asInteger(this.counters[BLOCK_SIZE]!);
    this.checked = this.header[CHECKED] === 1;
  }
}

/** Writes a new region's header and its first descriptor. The state comes last. */
export function formatRegion(meta: ArrayBuffer, settings: RegionSettings, hasBarrier: boolean): Region {
  const header = headerOf(meta);
  const counters = countersOf(meta);
  header[HEADER_MAGIC] = MAGIC;
  header[HEADER_FORMAT] = FORMAT;
  header[BLOCK_COUNT] = settings.blockCount;
  header[BLOCK_COUNT_INVERTED] = ~settings.blockCount;
  header[BLOCK_CAPACITY] = settings.blockCapacity;
  counters[BLOCK_SIZE] = settings.blockSize;
  header[NEXT_WORKER] = 1;
  header[WARN_ON_MISUSE] = Number(settings.warnOnMisuse);
  header[LOCK_TIMEOUT] = settings.lockTimeout;
  header[CACHED_BLOCKS] = settings.cachedBlocks;
  header[CACHED_BUFFERS] = settings.cachedBuffers;
  header[CHECKED] = Number(settings.checked);
  header[HAS_BARRIER] = Number(hasBarrier);
  header[PLAIN_CLAIMS] = Number(hasBarrier);
  header[HIGH_WATER_INVERTED] = ~0;
  header[HEADER_SUM] = headerSum(header);
  const region = new Region(meta);
  region.runs.format();
  Atomics.store(header, STATE, LIVE);
  return region;
}

/** What in a region's header is not as this version writes it, or undefined when all is. */
export function misfit(meta: ArrayBuffer, dataBytes: number): string | undefined {
  const header = headerOf(meta);
  const counters = countersOf(meta);
  const blockCount = header[BLOCK_COUNT]!;
  const capacity = header[BLOCK_CAPACITY]!;
  const cachedBlocks = header[CACHED_BLOCKS]!;
  const blockSize = counters[BLOCK_SIZE]!;
  if (header[HEADER_MAGIC] !== MAGIC) return `its magic number is ${header[HEADER_MAGIC]}`;
  if (header[HEADER_FORMAT] !== FORMAT) return `its format is ${header[HEADER_FORMAT]}, this code reads ${FORMAT}`;
  if (!(cachedBlocks >= 0 && cachedBlocks <= MAX_CACHED_BLOCKS)) return `its caches hold ${cachedBlocks} blocks`;
  const checked = header[CHECKED]!;
  if (!(checked === 0 || checked === 1)) return `it is neither checked nor unchecked but ${checked}`;
  if (!(capacity >= 1 && metaBytes(capacity, cachedBlocks, checked === 1) <= meta.byteLength)) {
    return `it may have ${capacity} blocks`;
  }
  if (!(blockCount >= 1 && blockCount <= capacity)) return `its block count is ${blockCount}`;
  if (!(blockSize >= 16 && blockSize % 16 === 0 && capacity * blockSize <= dataBytes)) {
    return `its block size is ${blockSize}`;
  }
  return undefined;
}

/** V8 takes what comes out of an array of doubles for a double for ever, and calculates with it as with one. */
function asInteger(number: number): number {
  const integer = number | 0;
  return integer === number ? integer : number;
}

function headerOf(meta: ArrayBuffer): Int32Array {
  return new Int32Array(meta, 0, HEADER_BYTES / Int32Array.BYTES_PER_ELEMENT);
}

function countersOf(meta: ArrayBuffer): Float64Array {
  return new Float64Array(meta, 0, HEADER_BYTES / Float64Array.BYTES_PER_ELEMENT);
}
