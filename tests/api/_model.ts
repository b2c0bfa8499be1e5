/** A pool as simple as it can be: a map of blocks and a list of what is handed out. The real one must do the same. */

import { assert, assertEquals } from "@std/assert";
import type { MemPool } from "mempool";
import { assertExact } from "./_blocks.ts";
import { assertMarked, assertRefused, insideOf, lastingStats, mark } from "../support/pool.ts";

/** A run that is handed out: its bytes are marked with its cookie. */
export interface Held {
  readonly offset: number;
  readonly bytes: number;
  readonly cookie: number;
}

export type Operation =
  | { readonly kind: "alloc" | "calloc" | "allocOffset" | "callocOffset"; readonly bytes: number }
  | { readonly kind: "realloc" | "reallocOffset"; readonly pick: number; readonly bytes: number }
  | { readonly kind: "free" | "freeOffset" | "freeAgain" | "look"; readonly pick: number }
  | { readonly kind: "allocMany"; readonly count: number; readonly bytes: number }
  | { readonly kind: "freeMany"; readonly picks: readonly number[] }
  | { readonly kind: "trim" };

/** The model beside the real pool: each operation is done to both, and what comes back is compared. */
export class Model {
  readonly #pool: MemPool;
  readonly #blockSize: number;
  /** For each block that there may be the run it is part of, or undefined where it is free. */
  readonly #map: (Held | undefined)[];
  #blockCount: number;
  #growths = 0;
  readonly #held: Held[] = [];
  /** Where something was handed out once and is free now, which `freeAgain` tries. */
  #lastFreed = -1;
  /** In a checked pool: the buffers that were handed out and not detached yet, and for what. */
  readonly #buffers: Map<ArrayBuffer, Held> | undefined;
  #cookies = 0;
  #allocs = 0;
  #frees = 0;
  #exhausted = 0;
  #peak = 0;

  /** Of a pool that may grow to so many blocks. */
  constructor(pool: MemPool, capacity = pool.blockCount) {
    this.#pool = pool;
    this.#blockSize = pool.blockSize;
    this.#blockCount = pool.blockCount;
    this.#map = Array(capacity).fill(undefined);
    this.#buffers = insideOf(pool).tracker === undefined ? undefined : new Map();
  }

  /** Does one operation to both, and compares all that can be seen. */
  run(operation: Operation): void {
    this.#do(operation);
    this.#compareSize();
    this.#pool.check();
    this.#compareStats();
    this.#compareBlocks();
    if (this.#buffers !== undefined) this.#compareChecked(this.#buffers);
  }

  /** Gives everything back. */
  end(): void {
    while (this.#held.length > 0) this.run({ kind: "free", pick: 0 });
    assertEquals(this.#pool.stats().largestFreeRun, this.#pool.blockCount);
  }

  #do(operation: Operation): void {
    switch (operation.kind) {
      case "alloc":
        return this.#allocated(this.#pool.alloc(operation.bytes), operation.bytes);
      case "calloc":
        return this.#allocated(this.#pool.calloc(1, operation.bytes), operation.bytes, true);
      case "allocOffset":
        return this.#allocatedAt(this.#pool.allocOffset(operation.bytes), operation.bytes);
      case "callocOffset":
        return this.#allocatedAt(this.#pool.callocOffset(operation.bytes, 1), operation.bytes, true);
      case "realloc":
        return this.#withOne(operation.pick, (held) => this.#reallocate(held, operation.bytes));
      case "reallocOffset":
        return this.#withOne(operation.pick, (held) => this.#reallocateAt(held, operation.bytes));
      case "free":
        return this.#withOne(operation.pick, (held) => this.#pool.free(this.#bufferOf(this.#forget(held))));
      case "freeOffset":
        return this.#withOne(operation.pick, (held) => this.#pool.freeOffset(this.#forget(held).offset));
      case "freeAgain":
        return this.#freeAgain(operation.pick);
      case "look":
        return this.#withOne(operation.pick, (held) => this.#look(held));
      case "allocMany":
        return this.#allocateMany(operation.count, operation.bytes);
      case "freeMany":
        return this.#freeMany(operation.picks);
      case "trim":
        return assertEquals([this.#pool.trim() % 4096, this.#pool.trim()], [0, 0]);
    }
  }

  #withOne(pick: number, use: (held: Held) => void): void {
    if (this.#held.length > 0) use(this.#held[pick % this.#held.length]!);
  }

  #allocated(buffer: ArrayBuffer | null, bytes: number, zeroed = false): void {
    if (buffer === null) return this.#assertExhausted(bytes);
    assertEquals(buffer.byteLength, bytes);
    this.#allocatedAt(this.#pool.offsetOf(buffer), bytes, zeroed);
  }

  #allocatedAt(offset: number, bytes: number, zeroed = false): void {
    if (offset === -1) return this.#assertExhausted(bytes);
    this.#allocs++;
    const held = this.#remember(offset, bytes);
    const buffer = this.#bufferOf(held);
    if (zeroed) assert(new Uint8Array(buffer).every((byte) => byte === 0), `calloc(${bytes}) at ${offset}: not zero`);
    mark(buffer, held.cookie);
  }

  /** "null" must be true: no run of free blocks is as long. */
  #assertExhausted(bytes: number): void {
    this.#exhausted++;
    assert(this.#longestFree() < this.#lengthOf(bytes), `${bytes} bytes would have fitted`);
  }

  #reallocate(held: Held, bytes: number): void {
    const buffer = this.#pool.realloc(this.#bufferOf(held), bytes);
    if (buffer !== null) assertEquals(buffer.byteLength, bytes);
    this.#reallocated(held, bytes, buffer === null ? -1 : this.#pool.offsetOf(buffer));
  }

  #reallocateAt(held: Held, bytes: number): void {
    this.#reallocated(held, bytes, this.#pool.reallocOffset(held.offset, bytes));
  }

  #reallocated(held: Held, bytes: number, offset: number): void {
    if (offset === -1) {
      this.#exhausted++;
      const room = Math.max(this.#longestFree(), this.#roomAround(held));
      assert(room < this.#lengthOf(bytes), `${bytes} bytes would have fitted`);
      assertMarked(this.#bufferOf(held), held.cookie);
      return;
    }
    this.#forget(held, false);
    const moved = this.#remember(offset, bytes);
    assertMarked(this.#bufferOf(moved), held.cookie, Math.min(held.bytes, bytes));
    mark(this.#bufferOf(moved), moved.cookie);
  }

  #freeAgain(pick: number): void {
    const block = this.#lastFreed < 0 ? pick % this.#blockCount : this.#lastFreed / this.#blockSize;
    if (this.#map[block] !== undefined) return;
    const offset = block * this.#blockSize;
    const message = `Cannot free block at offset ${offset}: it is already free`;
    assertRefused(() => this.#pool.freeOffset(offset), "double-free", message);
  }

  #look(held: Held): void {
    const buffer = this.#bufferOf(held);
    assertMarked(buffer, held.cookie);
    assert(this.#pool.owns(buffer));
    assertEquals(this.#pool.offsetOf(new Uint8Array(buffer)), held.offset);
  }

  #allocateMany(count: number, bytes: number): void {
    const buffers = this.#pool.allocMany(count, bytes);
    if (buffers === null) {
      this.#exhausted++;
      assert(this.#fitting(this.#lengthOf(bytes)) < count, `${count} of ${bytes} bytes would have fitted`);
      return;
    }
    assertEquals(buffers.length, count);
    for (const buffer of buffers) this.#allocated(buffer, bytes);
  }

  #freeMany(picks: readonly number[]): void {
    if (this.#held.length === 0) return;
    const places = [...new Set(picks.map((pick) => pick % this.#held.length))];
    const some = places.map((place) => this.#held[place]!);
    this.#pool.freeMany(some.map((held) => this.#bufferOf(this.#forget(held))));
  }

  /** What is freed must be as it was marked. */
  #forget(held: Held, freed = true): Held {
    if (freed) {
      assertMarked(this.#bufferOf(held), held.cookie);
      this.#frees++;
      this.#lastFreed = held.offset;
    }
    this.#held.splice(this.#held.indexOf(held), 1);
    this.#fill(held, held, undefined);
    return held;
  }

  #remember(offset: number, bytes: number): Held {
    const held = { offset, bytes, cookie: this.#cookies++ };
    assertEquals(offset % this.#blockSize, 0);
    this.#fill(held, undefined, held);
    this.#held.push(held);
    this.#peak = Math.max(this.#peak, this.#allocatedBlocks());
    return held;
  }

  #fill(held: Held, before: Held | undefined, after: Held | undefined): void {
    const first = held.offset / this.#blockSize;
    const end = first + this.#lengthOf(held.bytes);
    assert(end <= this.#map.length, `${held.bytes} bytes at ${held.offset} go past the end`);
    for (let block = first; block < end; block++) {
      assert(this.#map[block] === before, `block ${block} is not what it should be`);
      this.#map[block] = after;
    }
  }

  #bufferOf(held: Held): ArrayBuffer {
    const buffer = this.#pool.at(held.offset);
    assertEquals(buffer.byteLength, held.bytes);
    this.#buffers?.set(buffer, held);
    return buffer;
  }

  #lengthOf(bytes: number): number {
    return Math.ceil(bytes / this.#blockSize);
  }

  /** Of the blocks that there may be, unless it is told of how many. */
  #freeRuns(blockCount = this.#map.length): number[] {
    const runs = [0];
    for (const held of this.#map.slice(0, blockCount)) {
      if (held === undefined) runs[runs.length - 1]!++;
      else if (runs.at(-1) !== 0) runs.push(0);
    }
    return runs;
  }

  #longestFree(blockCount?: number): number {
    return Math.max(...this.#freeRuns(blockCount));
  }

  #fitting(length: number): number {
    return this.#freeRuns().reduce((sum, run) => sum + Math.floor(run / length), 0);
  }

  /** The run's own blocks and the free ones on both sides. */
  #roomAround(held: Held): number {
    let first = held.offset / this.#blockSize;
    let end = first + this.#lengthOf(held.bytes);
    while (first > 0 && this.#map[first - 1] === undefined) first--;
    while (end < this.#map.length && this.#map[end] === undefined) end++;
    return end - first;
  }

  #allocatedBlocks(): number {
    return this.#held.reduce((sum, { bytes }) => sum + this.#lengthOf(bytes), 0);
  }

  /** What is handed out is known; buffers of what is not are detached, and its memory is zero. */
  #compareChecked(buffers: Map<ArrayBuffer, Held>): void {
    const leaks = this.#pool.leaks().map(({ offset, byteLength }) => ({ offset, byteLength }));
    leaks.sort((one, other) => one.offset - other.offset);
    const held = this.#held.toSorted((one, other) => one.offset - other.offset);
    assertEquals(leaks, held.map(({ offset, bytes }) => ({ offset, byteLength: bytes })));
    for (const [buffer, made] of buffers) {
      const isHeld = this.#map[made.offset / this.#blockSize] === made;
      assertEquals(buffer.detached, !isHeld, `the buffer over ${made.bytes} bytes at ${made.offset}`);
      if (!isHeld) buffers.delete(buffer);
    }
    const bytes = new Uint8Array(this.#pool.buffer);
    const dirty = bytes.findIndex((byte, at) =>
      byte !== 0 && this.#map[Math.floor(at / this.#blockSize)] === undefined
    );
    assertEquals(dirty, -1, "the first byte of a free block that is not zero");
  }

  #compareBlocks(): void {
    const runs = assertExact(this.#pool).filter(({ state }) => state === "allocated");
    const held = this.#held.toSorted((one, other) => one.offset - other.offset);
    assertEquals(
      runs.map(({ offset, byteLength, owner }) => [offset, byteLength, owner]),
      held.map(({ offset, bytes }) => [offset, this.#lengthOf(bytes) * this.#blockSize, 1]),
    );
  }

  /** It only grows where it must, and then doubles. */
  #compareSize(): void {
    const { blockCount } = this.#pool;
    if (blockCount === this.#blockCount) return;
    assert(blockCount >= Math.min(2 * this.#blockCount, this.#map.length) && blockCount <= this.#map.length);
    this.#blockCount = blockCount;
    this.#growths++;
  }

  #compareStats(): void {
    const { cachedBlocks, freeBlocks, peakAllocatedBlocks, coalesced: _, grown, ...rest } = lastingStats(this.#pool);
    const allocatedBlocks = this.#allocatedBlocks();
    const available = this.#blockCount - allocatedBlocks;
    const largestFreeRun = this.#longestFree(this.#blockCount);
    assertEquals(rest, {
      size: this.#blockCount * this.#blockSize,
      blockSize: this.#blockSize,
      blockCount: this.#blockCount,
      allocatedBlocks,
      requestedBytes: this.#held.reduce((sum, { bytes }) => sum + bytes, 0),
      largestFreeRun,
      fragmentation: available === 0 ? 0 : 1 - largestFreeRun / available,
      allocs: this.#allocs,
      frees: this.#frees,
      workers: 1,
      ownerDeaths: 0,
    });
    assertEquals(cachedBlocks + freeBlocks, available);
    assertEquals(grown > 0, this.#growths > 0);
    assertEquals(this.#pool.stats().exhausted, this.#exhausted);
    // A block that moves is in two places for a moment, and a block in a cache may count.
    assert(peakAllocatedBlocks >= this.#peak && peakAllocatedBlocks <= this.#blockCount);
  }
}
