import { BlockTable } from "./block_table.ts";
import { Depot } from "./depot.ts";
import { FreeLists } from "./free_lists.ts";
import {
  ALIGNMENT,
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
  INITIAL_BLOCK_COUNT,
  LIVE,
  LOCK_TIMEOUT,
  MAGIC,
  MAX_CACHED_BLOCKS,
  metaBytes,
  NAMED,
  NEXT_WORKER,
  PLAIN_CLAIMS,
  STATE,
  tableWord,
  waitQueueWord,
  WARN_ON_MISUSE,
} from "./layout.ts";
import { Runs } from "./runs.ts";
import { headerSum } from "./validate.ts";
import { WaitQueue } from "./wait_queue.ts";
import { WorkerSlots } from "./worker_slots.ts";

/** The geometry of a new region and the options of its pool, as its header keeps them. */
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
  readonly alignment: number;
  /** Whether other workers find the pool by a name. */
  readonly named: boolean;
}

/** One worker's typed arrays over a region, and the structures that are built on them. */
export class Region {
  /** All words of meta. */
  readonly meta: Int32Array;
  /** The words of the header. */
  readonly header: Int32Array;
  /** The doubles of the header. */
  readonly counters: Float64Array;
  readonly table: BlockTable;
  readonly lists: FreeLists;
  readonly runs: Runs;
  readonly slots: WorkerSlots;
  readonly depot: Depot;
  readonly queue: WaitQueue;
  readonly blockSize: number;
  readonly checked: boolean;
  readonly named: boolean;

  /** The geometry in the header must be valid: it is new, or `misfit` has checked it. */
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
    this.named = this.header[NAMED] === 1;
  }
}

/**
 * Writes the header of a new region and makes its data one free run. The state is stored last: no worker uses a region
 * before it is LIVE.
 */
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
  header[INITIAL_BLOCK_COUNT] = settings.blockCount;
  header[ALIGNMENT] = settings.alignment;
  header[NAMED] = Number(settings.named);
  header[HAS_BARRIER] = Number(hasBarrier);
  header[PLAIN_CLAIMS] = Number(hasBarrier);
  header[HIGH_WATER_INVERTED] = ~0;
  header[HEADER_SUM] = headerSum(header);
  const region = new Region(meta);
  region.runs.format();
  Atomics.store(header, STATE, LIVE);
  return region;
}

/** What in a region's header this version cannot have written, for an error message; undefined for nothing. */
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
  if (!(checked === 0 || checked === 1)) return `its mark of a checked pool is ${checked}`;
  if (!(capacity >= 1 && metaBytes(capacity, cachedBlocks, checked === 1) <= meta.byteLength)) {
    return `its block capacity is ${capacity}`;
  }
  if (!(blockCount >= 1 && blockCount <= capacity)) return `its block count is ${blockCount}`;
  if (!(blockSize >= 16 && blockSize % 16 === 0 && capacity * blockSize <= dataBytes)) {
    return `its block size is ${blockSize}`;
  }
  return undefined;
}

/** V8 keeps a number that was read from a Float64Array as a double, and arithmetic with it is then slower. */
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
