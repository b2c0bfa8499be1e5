import { NOT_ALLOCATED, type Prepare } from "./allocator/resize.ts";
import { type Hooks, NO_HOOKS } from "./allocator/hooks.ts";
import type { Attachment } from "./attachment.ts";
import { checkBlock, checkBlocks, checkCount, checkFromZero, describe, productOf } from "./base/arguments.ts";
import { MemPoolError } from "./base/errors.ts";
import { reserveStack } from "./base/stack.ts";
import { bufferBehind, isDetached } from "./base/intrinsics.ts";
import type { LeakInfo } from "./checked/leaks.ts";
import { BlockList } from "./diagnostics/block_list.ts";
import { checkInvariants } from "./diagnostics/invariants.ts";
import { collectStats, type MemPoolStats } from "./diagnostics/stats.ts";
import { signalFrom } from "./options.ts";
import type { RecordChecks } from "./records/accessors.ts";
import type { RecordOperations } from "./records/records.ts";
import type { RecordLayout } from "./records/types.ts";
import { NONE, WARN_ON_MISUSE } from "./region/layout.ts";
import { allocatedRunAround } from "./region/walk.ts";
import { validBlockCount } from "./region/validate.ts";
import { arrayOver, bytesOfArray, type TypedArrayConstructor } from "./typed_arrays.ts";

/**
 * The operations of a pool in full: check the arguments, find the block, call the allocator, wrap the result. `MemPool`
 * documents them and calls them when its fast path does not apply. Nothing changes before every argument has been
 * checked.
 */
export class Operations implements RecordOperations {
  protected readonly attachment: Attachment;
  readonly #blockSize: number;
  readonly #warnOnMisuse: boolean;

  constructor(attachment: Attachment) {
    this.attachment = attachment;
    this.#blockSize = attachment.region.blockSize;
    this.#warnOnMisuse = attachment.region.header[WARN_ON_MISUSE] === 1;
  }

  /** Called before each of the other operations. */
  begin(action: string): this {
    this.attachment.allocator.freeUndelivered(action);
    return this;
  }

  buffer(): ArrayBuffer {
    const size = this.#blockCount() * this.#blockSize;
    this.#checkBufferLength("make a buffer over the pool", size);
    return this.attachment.buffers.whole(size);
  }

  alloc(numBytes: number): ArrayBuffer | null {
    checkCount("allocate", "numBytes", numBytes);
    this.#checkBufferLength("allocate", numBytes);
    return this.#deliver(this.attachment.allocator.allocate(numBytes, this.hooks()), numBytes);
  }

  calloc(numMembers: number, size: number): ArrayBuffer | null {
    const numBytes = productOf("allocate", numMembers, size);
    this.#checkBufferLength("allocate", numBytes);
    return this.#deliver(this.attachment.allocator.allocateZeroed(numBytes, this.hooks()), numBytes);
  }

  realloc(block: unknown, numBytes: number): ArrayBuffer | null {
    const number = this.blockOfBuffer("reallocate", block);
    checkCount("reallocate", "numBytes", numBytes);
    this.#checkBufferLength("reallocate", numBytes);
    let buffer: ArrayBuffer | null = null;
    const target = this.#resized(number, numBytes, block, (target) => {
      buffer = this.prepareBuffer(target, numBytes);
    });
    // Nothing is called from here on: the old block is given up, so this call must not fail any more.
    this.attachment.allocator.journal.allocated = NONE;
    return target === NONE ? null : buffer;
  }

  /** `owner` is the pool object that was called. The request keeps it alive, and is rejected when it closes. */
  async allocAsync(numBytes: number, options: unknown, owner: object): Promise<ArrayBuffer> {
    reserveStack();
    checkCount("allocate", "numBytes", numBytes);
    const callers = signalFrom("allocate", options);
    const signal = callers?.signal;
    try {
      this.#checkFits(numBytes);
      this.#checkBufferLength("allocate", numBytes);
      if (signal?.aborted === true) throw signal.reason;
      const request = { bytes: numBytes, hooks: this.hooks(), owner, signal };
      return await this.attachment.allocator.waiters.request(request, (number) => this.bufferOver(number, numBytes));
    } finally {
      callers?.release();
    }
  }

  allocArray<T extends TypedArrayConstructor>(type: T, length: number): InstanceType<T> | null {
    const numBytes = bytesOfArray(type, length);
    this.#checkBufferLength("allocate", numBytes);
    const { allocator } = this.attachment;
    let number = allocator.cache.take(numBytes);
    if (number === NONE) number = allocator.allocate(numBytes, this.hooks());
    else allocator.journal.allocated = number;
    if (number === NONE) return null;
    const array = arrayOver(type, this.bufferOver(number, numBytes));
    allocator.journal.allocated = NONE;
    return array;
  }

  free(block: unknown): void {
    this.freeBlock(this.blockOfBuffer("free", block), block);
  }

  allocMany(count: number, numBytes: number): ArrayBuffer[] | null {
    checkFromZero("allocate", "count", count);
    checkCount("allocate", "numBytes", numBytes);
    this.#checkBufferLength("allocate", numBytes);
    const { allocator } = this.attachment;
    const numbers = allocator.allocateMany(count, numBytes, this.hooks());
    if (numbers === undefined) return null;
    const buffers = Array.from(numbers, (number) => this.bufferOver(number, numBytes));
    allocator.journal.allocatedMany = undefined;
    allocator.journal.allocated = NONE;
    return buffers;
  }

  /** The blocks to free, as an array. Iterating over them runs the caller's code. */
  listOf(blocks: unknown): object[] {
    return checkBlocks("free", blocks, this.attachment.region.table.capacity);
  }

  freeMany(blocks: readonly object[]): void {
    this.freeBlocks(blocks.map((block) => this.blockOfBuffer("free", block)), blocks);
  }

  owns(block: unknown): boolean {
    return this.isAllocated("check ownership", this.blockOfBuffer("check ownership", block));
  }

  offsetOf(block: unknown): number {
    const number = this.blockOfBuffer("locate", block);
    this.adopt("locate", number, block);
    return number * this.#blockSize;
  }

  at(offset: number): ArrayBuffer {
    const number = this.#blockAtOffset("look at", offset);
    const numBytes = this.adopt("look at", number, offset);
    this.#checkBufferLength("look at", numBytes);
    return this.bufferOver(number, numBytes);
  }

  allocOffset(numBytes: number): number {
    checkCount("allocate", "numBytes", numBytes);
    return this.#deliverOffset(this.attachment.allocator.allocate(numBytes, this.hooks()));
  }

  callocOffset(numMembers: number, size: number): number {
    const numBytes = productOf("allocate", numMembers, size);
    return this.#deliverOffset(this.attachment.allocator.allocateZeroed(numBytes, this.hooks()));
  }

  reallocOffset(offset: number, numBytes: number): number {
    const number = this.#blockAtOffset("reallocate", offset);
    checkCount("reallocate", "numBytes", numBytes);
    const target = this.#resized(number, numBytes, offset, () => {});
    this.attachment.allocator.journal.allocated = NONE; // as in `realloc`
    return target === NONE ? NONE : target * this.#blockSize;
  }

  freeOffset(offset: number): void {
    this.freeBlock(this.#blockAtOffset("free", offset), offset);
  }

  allocRecord({ byteLength, name }: RecordLayout): number {
    return this.#deliverBlock(this.attachment.allocator.allocate(byteLength, this.hooks(name)));
  }

  callocRecord({ byteLength, name }: RecordLayout): number {
    return this.#deliverBlock(this.attachment.allocator.allocateZeroed(byteLength, this.hooks(name)));
  }

  freeRecord(ref: number): void {
    checkFromZero("free", "ref", ref);
    this.freeBlock(this.blockAtRef(ref), ref * this.#blockSize);
  }

  allocRecords(count: number, { byteLength, name }: RecordLayout): Int32Array | null {
    checkFromZero("allocate", "count", count);
    const { allocator } = this.attachment;
    const refs = allocator.allocateMany(count, byteLength, this.hooks(name));
    allocator.journal.allocatedMany = undefined;
    allocator.journal.allocated = NONE;
    return refs ?? null;
  }

  freeRecords(refs: readonly number[]): void {
    this.freeBlocks(refs.map((ref) => this.blockAtRef(ref)), refs.map((ref) => ref * this.#blockSize));
  }

  /** What happens at each access to a record. Nothing in a pool that is not checked. */
  recordChecks(_layout: RecordLayout): RecordChecks | undefined {
    return undefined;
  }

  reap(): number {
    return this.attachment.allocator.reap();
  }

  trim(): number {
    this.attachment.buffers.release();
    return this.attachment.allocator.trim();
  }

  leaks(): LeakInfo[] {
    throw new MemPoolError("unsupported", "Cannot list leaks: the pool was made without checked: true");
  }

  stats(): MemPoolStats {
    return this.attachment.lock.inspect("collect statistics", () => collectStats(this.attachment.region));
  }

  blocks(): BlockList {
    return this.attachment.lock.inspect("list blocks", () => new BlockList(this.attachment.region));
  }

  check(): void {
    this.attachment.lock.inspect("check the pool", () => checkInvariants(this.attachment.region));
  }

  /** The hooks of this call. `record` is the name of the layout, if it allocates records. */
  protected hooks(_record?: string): Hooks {
    return NO_HOOKS;
  }

  protected bufferOver(number: number, numBytes: number): ArrayBuffer {
    return this.attachment.buffers.over(number, numBytes);
  }

  /** The buffer that `realloc` will return, made before the old block is given up. */
  protected prepareBuffer(number: number, numBytes: number): ArrayBuffer {
    return this.attachment.buffers.over(number, numBytes);
  }

  protected freeBlock(number: number, name: unknown): void {
    const { allocator } = this.attachment;
    const freed = number !== NONE && (allocator.cache.give(number) || allocator.free(number));
    if (!freed) this.#refuseFree(number, name);
  }

  protected freeBlocks(numbers: readonly number[], names: readonly unknown[]): void {
    const foreign = numbers.indexOf(NONE);
    const refused = foreign === NONE ? this.freeAll(numbers, names) : foreign;
    if (refused !== NONE) this.#refuseFree(numbers[refused]!, names[refused]);
  }

  /** Frees all of these blocks and returns NONE, or frees none and returns the place of one that is not allocated. */
  protected freeAll(numbers: readonly number[], _names: readonly unknown[]): number {
    return this.attachment.allocator.freeMany(numbers);
  }

  /** Returns the first block of the run from now on, NONE or NOT_ALLOCATED. */
  protected resize(number: number, numBytes: number, _name: unknown, prepare: Prepare): number {
    return this.attachment.allocator.resize(number, numBytes, NO_HOOKS, prepare);
  }

  /** The block behind a buffer or a view, allocated or not. NONE if it is not a block of this pool. */
  protected blockOfBuffer(action: string, block: unknown): number {
    return this.attachment.buffers.blockOf(checkBlock(action, block));
  }

  protected isAllocated(action: string, number: number): boolean {
    return number !== NONE && this.attachment.allocator.isAllocated(action, number);
  }

  /** Makes this worker the owner of an allocated block. Returns the bytes that were requested for it. */
  protected adopt(action: string, number: number, name: unknown): number {
    const bytes = number === NONE ? 0 : this.attachment.allocator.adopt(action, number);
    if (bytes === 0) throw this.refusal(action, number, name);
    return bytes;
  }

  /**
   * The error for a block that is not allocated, or for something that is no block. `name` is the caller's argument.
   */
  protected refusal(action: string, number: number, name: unknown): MemPoolError {
    if (number === NONE) return this.#refusalOfForeign(action, name);
    const { region: { table }, lock } = this.attachment;
    const start = lock.inspect(action, () => allocatedRunAround(table, number)); // a walk, for an error only
    if (start === NONE) return this.refusalOfFree(action, number);
    const inside = `it lies inside the block that starts at offset ${start * this.#blockSize}`;
    return new MemPoolError("foreign-block", `Cannot ${action} offset ${number * this.#blockSize}: ${inside}`);
  }

  protected refusalOfFree(action: string, number: number): MemPoolError {
    const offset = number * this.#blockSize;
    return new MemPoolError("double-free", `Cannot ${action} block at offset ${offset}: it is already free`);
  }

  #refusalOfForeign(action: string, name: unknown): MemPoolError {
    if (typeof name === "number") {
      return new MemPoolError("foreign-block", `Cannot ${action} offset ${name}: no block of this pool starts there`);
    }
    const buffer = bufferBehind(name);
    const why = buffer !== undefined && isDetached(buffer)
      ? "it was moved or freed elsewhere, the buffer is detached"
      : "it is not a block of this pool";
    return new MemPoolError("foreign-block", `Cannot ${action} ${describe(name)}: ${why}`);
  }

  /** Throws, or in a pool with `onMisuse: "warn"` prints what the C original prints. */
  #refuseFree(number: number, name: unknown): void {
    const error = this.refusal("free", number, name);
    if (!this.#warnOnMisuse) throw error;
    console.warn(`mempool: potential double free. ${error.message}`);
  }

  /** The block that starts at an offset, allocated or not. NONE if no block starts there. */
  #blockAtOffset(action: string, offset: unknown): number {
    checkFromZero(action, "offset", offset);
    const number = Math.abs(offset) / this.#blockSize; // minus zero is zero
    return number % 1 === 0 && number < this.attachment.region.table.blockCount ? number : NONE;
  }

  /** The block that a whole number from 0 up refers to, allocated or not. NONE if there is no such block. */
  protected blockAtRef(ref: number): number {
    return ref < this.attachment.region.table.blockCount ? Math.abs(ref) : NONE;
  }

  /** A count that looks wrong may be changing at this moment, so it is read again under the lock. */
  #blockCount(): number {
    const { region, lock } = this.attachment;
    try {
      return validBlockCount(region);
    } catch {
      return lock.inspect("make a buffer over the pool", () => validBlockCount(region));
    }
  }

  #resized(number: number, numBytes: number, name: unknown, prepare: Prepare): number {
    const target = number === NONE ? NOT_ALLOCATED : this.resize(number, numBytes, name, prepare);
    if (target === NOT_ALLOCATED) throw this.refusal("reallocate", number, name);
    return target;
  }

  /** The buffer over what was just allocated. If it cannot be made, the allocator's note of the block stays. */
  #deliver(number: number, numBytes: number): ArrayBuffer | null {
    return number === NONE ? null : this.#delivered(this.bufferOver(number, numBytes));
  }

  #delivered(buffer: ArrayBuffer): ArrayBuffer {
    this.attachment.allocator.journal.allocated = NONE;
    return buffer;
  }

  #deliverBlock(number: number): number {
    this.attachment.allocator.journal.allocated = NONE;
    return number;
  }

  #deliverOffset(number: number): number {
    return this.#deliverBlock(number) === NONE ? NONE : number * this.#blockSize;
  }

  #checkFits(numBytes: number): void {
    const most = this.attachment.region.table.capacity * this.#blockSize;
    if (numBytes <= most) return;
    throw new RangeError(
      `Cannot allocate: numBytes must not exceed what the pool can ever hold, ${most}, got ${numBytes}`,
    );
  }

  /** More bytes than the pool could ever hold are exhaustion and no error, whatever the runtime's limit is. */
  #checkBufferLength(action: string, numBytes: number): void {
    const limit = this.attachment.maxBufferBytes;
    if (numBytes > limit && numBytes <= this.attachment.region.table.capacity * this.#blockSize) {
      throw new MemPoolError("unsupported", `Cannot ${action}: a buffer holds at most ${limit} bytes, not ${numBytes}`);
    }
  }
}
