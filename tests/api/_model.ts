/** A simple model of a pool: a map of the blocks and a list of the allocations. The real pool must agree with it. */

import { assert, assertEquals } from "@std/assert";
import { type MemPool, record, type RecordFields, type RecordLayout } from "mempool";
import { assertExact } from "./_blocks.ts";
import { assertMarked, assertRefused, insideOf, lastingStats, mark } from "../support/pool.ts";

/** An allocated run. Its bytes are marked with its cookie. */
export interface Allocation {
  readonly offset: number;
  readonly bytes: number;
  readonly cookie: number;
}

export type Operation =
  | { readonly kind: "alloc" | "calloc" | "allocOffset" | "callocOffset"; readonly bytes: number }
  | { readonly kind: "realloc" | "reallocOffset"; readonly pick: number; readonly bytes: number }
  | { readonly kind: "free" | "freeOffset" | "freeRecord" | "freeAgain" | "inspect"; readonly pick: number }
  | { readonly kind: "allocMany"; readonly count: number; readonly bytes: number }
  | { readonly kind: "freeMany"; readonly picks: readonly number[] }
  | { readonly kind: "trim" }
  | { readonly kind: "allocRecord" | "callocRecord"; readonly layout: number }
  | { readonly kind: "allocRecords"; readonly count: number; readonly layout: number }
  | { readonly kind: "freeRecords"; readonly picks: readonly number[] };

/** Records of less than a block, of one, and of several. */
const LAYOUTS: readonly RecordLayout<RecordFields>[] = [
  record({ next: "ref", cost: "u16" }),
  record({ cost: "f64", tiles: ["u8", 56] }),
  record({ links: ["ref", 50], big: "i64" }),
];

/** The model and the real pool: each operation is applied to both, and the results are compared. */
export class Model {
  readonly #pool: MemPool;
  readonly #blockSize: number;
  /** For each block that the pool can grow to: its allocation, or undefined when it is free. */
  readonly #map: (Allocation | undefined)[];
  #blockCount: number;
  #growths = 0;
  readonly #allocations: Allocation[] = [];
  /** The offset that was freed last, which `freeAgain` frees again. */
  #lastFreed = -1;
  /** In a checked pool: the buffers that are not detached, each with its allocation. */
  readonly #buffers: Map<ArrayBuffer, Allocation> | undefined;
  #cookies = 0;
  #allocs = 0;
  #frees = 0;
  #exhausted = 0;
  #peak = 0;

  /** @param capacity The number of blocks that the pool can grow to. */
  constructor(pool: MemPool, capacity = pool.blockCount) {
    this.#pool = pool;
    this.#blockSize = pool.blockSize;
    this.#blockCount = pool.blockCount;
    this.#map = Array(capacity).fill(undefined);
    this.#buffers = insideOf(pool).tracker === undefined ? undefined : new Map();
  }

  /** Applies one operation to both, and compares everything that a caller can observe. */
  run(operation: Operation): void {
    this.#do(operation);
    this.#compareSize();
    this.#pool.check();
    this.#compareStats();
    this.#compareBlocks();
    if (this.#buffers !== undefined) this.#compareChecked(this.#buffers);
  }

  /** Frees every allocation. */
  end(): void {
    while (this.#allocations.length > 0) this.run({ kind: "free", pick: 0 });
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
        return this.#pickOne(operation.pick, (allocation) => this.#reallocate(allocation, operation.bytes));
      case "reallocOffset":
        return this.#pickOne(operation.pick, (allocation) => this.#reallocateAt(allocation, operation.bytes));
      case "free":
        return this.#pickOne(operation.pick, (allocation) => this.#pool.free(this.#bufferOf(this.#remove(allocation))));
      case "freeOffset":
        return this.#pickOne(operation.pick, (allocation) => this.#pool.freeOffset(this.#remove(allocation).offset));
      case "freeAgain":
        return this.#freeAgain(operation.pick);
      case "inspect":
        return this.#pickOne(operation.pick, (allocation) => this.#inspect(allocation));
      case "allocMany":
        return this.#allocateMany(operation.count, operation.bytes);
      case "freeMany":
        return this.#freeMany(operation.picks);
      case "allocRecord":
      case "callocRecord":
        return this.#allocateRecord(operation.layout, operation.kind === "callocRecord");
      case "allocRecords":
        return this.#allocateRecords(operation.count, operation.layout);
      case "freeRecord":
        return this.#pickOne(operation.pick, (allocation) => {
          const nodes = this.#pool.records(LAYOUTS[0]!);
          nodes.free(nodes.refAt(this.#remove(allocation).offset));
        });
      case "freeRecords":
        return this.#freeRecords(operation.picks);
      case "trim":
        return assertEquals([this.#pool.trim() % 4096, this.#pool.trim()], [0, 0]);
    }
  }

  #pickOne(pick: number, use: (allocation: Allocation) => void): void {
    if (this.#allocations.length > 0) use(this.#allocations[pick % this.#allocations.length]!);
  }

  #allocated(buffer: ArrayBuffer | null, bytes: number, zeroed = false): void {
    if (buffer === null) return this.#assertExhausted(bytes);
    assertEquals(buffer.byteLength, bytes);
    this.#allocatedAt(this.#pool.offsetOf(buffer), bytes, zeroed);
  }

  #allocatedAt(offset: number, bytes: number, zeroed = false): void {
    if (offset === -1) return this.#assertExhausted(bytes);
    this.#allocs++;
    const allocation = this.#add(offset, bytes);
    const buffer = this.#bufferOf(allocation);
    if (zeroed) assert(new Uint8Array(buffer).every((byte) => byte === 0), `calloc(${bytes}) at ${offset}: not zero`);
    mark(buffer, allocation.cookie);
  }

  /** Expects that no run of free blocks fits, so that the refusal was right. */
  #assertExhausted(bytes: number): void {
    this.#exhausted++;
    assert(this.#longestFree() < this.#lengthOf(bytes), `${bytes} bytes would have fitted`);
  }

  #reallocate(allocation: Allocation, bytes: number): void {
    const buffer = this.#pool.realloc(this.#bufferOf(allocation), bytes);
    if (buffer !== null) assertEquals(buffer.byteLength, bytes);
    this.#reallocated(allocation, bytes, buffer === null ? -1 : this.#pool.offsetOf(buffer));
  }

  #reallocateAt(allocation: Allocation, bytes: number): void {
    this.#reallocated(allocation, bytes, this.#pool.reallocOffset(allocation.offset, bytes));
  }

  #reallocated(allocation: Allocation, bytes: number, offset: number): void {
    if (offset === -1) {
      this.#exhausted++;
      const room = Math.max(this.#longestFree(), this.#roomAround(allocation));
      assert(room < this.#lengthOf(bytes), `${bytes} bytes would have fitted`);
      assertMarked(this.#bufferOf(allocation), allocation.cookie);
      return;
    }
    this.#remove(allocation, false);
    const moved = this.#add(offset, bytes);
    assertMarked(this.#bufferOf(moved), allocation.cookie, Math.min(allocation.bytes, bytes));
    mark(this.#bufferOf(moved), moved.cookie);
  }

  #freeAgain(pick: number): void {
    const block = this.#lastFreed < 0 ? pick % this.#blockCount : this.#lastFreed / this.#blockSize;
    if (this.#map[block] !== undefined) return;
    const offset = block * this.#blockSize;
    const message = `Cannot free block at offset ${offset}: it is already free`;
    assertRefused(() => this.#pool.freeOffset(offset), "double-free", message);
  }

  #inspect(allocation: Allocation): void {
    const buffer = this.#bufferOf(allocation);
    assertMarked(buffer, allocation.cookie);
    assert(this.#pool.owns(buffer));
    assertEquals(this.#pool.offsetOf(new Uint8Array(buffer)), allocation.offset);
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

  #allocateRecord(layout: number, zeroed: boolean): void {
    const nodes = this.#pool.records(LAYOUTS[layout]!);
    const ref = zeroed ? nodes.calloc() : nodes.alloc();
    this.#allocatedAt(ref === -1 ? -1 : nodes.offsetOf(ref), nodes.layout.byteLength, zeroed);
  }

  #allocateRecords(count: number, layout: number): void {
    const nodes = this.#pool.records(LAYOUTS[layout]!);
    const bytes = nodes.layout.byteLength;
    const refs = nodes.allocMany(count);
    if (refs === null) {
      this.#exhausted++;
      assert(this.#fitting(this.#lengthOf(bytes)) < count, `${count} of ${bytes} bytes would have fitted`);
      return;
    }
    assertEquals(refs.length, count);
    for (const ref of refs) this.#allocatedAt(nodes.offsetOf(ref), bytes);
  }

  /** A block has one number, whatever lies there. */
  #freeRecords(picks: readonly number[]): void {
    if (this.#allocations.length === 0) return;
    const nodes = this.#pool.records(LAYOUTS[0]!);
    const places = [...new Set(picks.map((pick) => pick % this.#allocations.length))];
    const some = places.map((place) => this.#allocations[place]!);
    nodes.freeMany(some.map((allocation) => nodes.refAt(this.#remove(allocation).offset)));
  }

  #freeMany(picks: readonly number[]): void {
    if (this.#allocations.length === 0) return;
    const places = [...new Set(picks.map((pick) => pick % this.#allocations.length))];
    const some = places.map((place) => this.#allocations[place]!);
    this.#pool.freeMany(some.map((allocation) => this.#bufferOf(this.#remove(allocation))));
  }

  /** Removes an allocation from the model. Its bytes must be as they were marked. */
  #remove(allocation: Allocation, freed = true): Allocation {
    if (freed) {
      assertMarked(this.#bufferOf(allocation), allocation.cookie);
      this.#frees++;
      this.#lastFreed = allocation.offset;
    }
    this.#allocations.splice(this.#allocations.indexOf(allocation), 1);
    this.#fill(allocation, allocation, undefined);
    return allocation;
  }

  #add(offset: number, bytes: number): Allocation {
    const allocation = { offset, bytes, cookie: this.#cookies++ };
    assertEquals(offset % this.#blockSize, 0);
    this.#fill(allocation, undefined, allocation);
    this.#allocations.push(allocation);
    this.#peak = Math.max(this.#peak, this.#allocatedBlocks());
    return allocation;
  }

  #fill(allocation: Allocation, before: Allocation | undefined, after: Allocation | undefined): void {
    const first = allocation.offset / this.#blockSize;
    const end = first + this.#lengthOf(allocation.bytes);
    assert(end <= this.#map.length, `${allocation.bytes} bytes at ${allocation.offset} go past the end`);
    for (let block = first; block < end; block++) {
      assert(this.#map[block] === before, `block ${block} does not have the expected allocation`);
      this.#map[block] = after;
    }
  }

  #bufferOf(allocation: Allocation): ArrayBuffer {
    const buffer = this.#pool.at(allocation.offset);
    assertEquals(buffer.byteLength, allocation.bytes);
    this.#buffers?.set(buffer, allocation);
    return buffer;
  }

  #lengthOf(bytes: number): number {
    return Math.ceil(bytes / this.#blockSize);
  }

  /** The lengths of the free runs among the first `blockCount` blocks. */
  #freeRuns(blockCount = this.#map.length): number[] {
    const runs = [0];
    for (const allocation of this.#map.slice(0, blockCount)) {
      if (allocation === undefined) runs[runs.length - 1]!++;
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

  /** The number of blocks in the allocation and in the free runs on both sides of it. */
  #roomAround(allocation: Allocation): number {
    let first = allocation.offset / this.#blockSize;
    let end = first + this.#lengthOf(allocation.bytes);
    while (first > 0 && this.#map[first - 1] === undefined) first--;
    while (end < this.#map.length && this.#map[end] === undefined) end++;
    return end - first;
  }

  #allocatedBlocks(): number {
    return this.#allocations.reduce((sum, { bytes }) => sum + this.#lengthOf(bytes), 0);
  }

  /** Compares what only a checked pool does: it lists allocations, detaches the buffers of freed blocks, and zeroes them. */
  #compareChecked(buffers: Map<ArrayBuffer, Allocation>): void {
    const leaks = this.#pool.leaks().map(({ offset, byteLength }) => ({ offset, byteLength }));
    leaks.sort((one, other) => one.offset - other.offset);
    const sorted = this.#allocations.toSorted((one, other) => one.offset - other.offset);
    assertEquals(leaks, sorted.map(({ offset, bytes }) => ({ offset, byteLength: bytes })));
    for (const [buffer, made] of buffers) {
      const isAllocated = this.#map[made.offset / this.#blockSize] === made;
      assertEquals(buffer.detached, !isAllocated, `the buffer over ${made.bytes} bytes at ${made.offset}`);
      if (!isAllocated) buffers.delete(buffer);
    }
    const bytes = new Uint8Array(this.#pool.buffer);
    const dirty = bytes.findIndex((byte, at) =>
      byte !== 0 && this.#map[Math.floor(at / this.#blockSize)] === undefined
    );
    assertEquals(dirty, -1, "the first byte of a free block that is not zero");
  }

  #compareBlocks(): void {
    const runs = assertExact(this.#pool).filter(({ state }) => state === "allocated");
    const sorted = this.#allocations.toSorted((one, other) => one.offset - other.offset);
    assertEquals(
      runs.map(({ offset, byteLength, owner }) => [offset, byteLength, owner]),
      sorted.map(({ offset, bytes }) => [offset, this.#lengthOf(bytes) * this.#blockSize, 1]),
    );
  }

  /** The pool grows only when it must, and then to at least twice its size. */
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
      requestedBytes: this.#allocations.reduce((sum, { bytes }) => sum + bytes, 0),
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
    // A block that moves is allocated twice for a moment, and the pool may count cached blocks in its peak.
    assert(peakAllocatedBlocks >= this.#peak && peakAllocatedBlocks <= this.#blockCount);
  }
}
