import { detach } from "../base/intrinsics.ts";
import { HIGH_WATER, OWNER_DEATHS } from "../region/layout.ts";
import type { Region } from "../region/region.ts";
import { validLength } from "../region/validate.ts";
import type { AllocationLog } from "./allocation_log.ts";

/** The bytes that are read of one run, and at most of all free runs together. Reading more would take too long. */
const RUN_BYTES = 2 ** 20;
const POOL_BYTES = 2 ** 26;

/** A buffer over these bytes of the data. */
export type MakeBuffer = (offset: number, byteLength: number) => ArrayBuffer;

/**
 * Finds blocks that were written after they were freed. A checked pool zeroes blocks when they become free, and blocks
 * that were never allocated are zero. So whatever else a free block contains was written by native code that still had
 * its address, or by a program that used `pool.buffer` wrongly.
 */
export class LateWrites {
  readonly #region: Region;
  readonly #log: AllocationLog;
  readonly #makeBuffer: MakeBuffer;

  constructor(region: Region, log: AllocationLog, makeBuffer: MakeBuffer) {
    this.#region = region;
    this.#log = log;
    this.#makeBuffer = makeBuffer;
  }

  /** Reports on a run that was just taken, before it is logged as allocated. The caller holds the lock. */
  inRun(block: number): string[] {
    return this.#isCertain ? this.#lookAt(block, RUN_BYTES, () => {}) : [];
  }

  /** Reports on all free runs, and zeroes what it reports on. The caller holds the lock. */
  inFreeRuns(): string[] {
    const { header, table, blockSize } = this.#region;
    const reports: string[] = [];
    if (!this.#isCertain) return reports;
    // Nothing above high water was ever handed out.
    const end = Math.min(header[HIGH_WATER]!, table.blockCount);
    let bytesLeft = POOL_BYTES;
    for (let block = 0; block < end && bytesLeft > 0; block += validLength(table, block)) {
      if (!table.isFree(block)) continue;
      const bytes = Math.min(RUN_BYTES, bytesLeft, (end - block) * blockSize);
      reports.push(...this.#lookAt(block, bytes, (words) => words.fill(0)));
      bytesLeft -= bytes;
    }
    return reports;
  }

  /** After the death of a worker in a critical section, a free block may not have been zeroed. */
  get #isCertain(): boolean {
    return this.#region.counters[OWNER_DEATHS] === 0;
  }

  /** Reports on the first bytes of a run, and calls `after` with them if there is anything to report. */
  #lookAt(block: number, mostBytes: number, after: (words: Int32Array) => void): string[] {
    const { blockSize, table } = this.#region;
    const bytes = Math.min(validLength(table, block) * blockSize, mostBytes);
    const buffer = this.#makeBuffer(block * blockSize, bytes);
    const words = new Int32Array(buffer);
    const at = firstOther(words);
    const reports = at < 0 ? [] : [this.#describe(block + Math.floor(4 * at / blockSize))];
    if (at >= 0) after(words);
    detach(buffer); // Bun's garbage collector counts its length until then
    return reports;
  }

  /** The stacks are those of the last allocation that began at the block. */
  #describe(block: number): string {
    const log = this.#log;
    const line = `mempool: block at offset ${block * this.#region.blockSize} was written after it was freed`;
    const sequence = log.sequence(block);
    if (sequence === 0) return line;
    const allocatedAt = log.stackAt(log.allocatedAt(block));
    return `${line}\nallocated\n${allocatedAt}\nfreed\n${log.stackAt(log.freedAt(block, sequence))}`;
  }
}

/** The index of the first word that is not zero, or -1. */
function firstOther(words: Int32Array): number {
  for (let index = 0; index < words.length; index++) if (words[index] !== 0) return index;
  return -1;
}
