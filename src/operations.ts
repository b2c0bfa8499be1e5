import type { Attachment } from "./attachment.ts";
import { BlockList } from "./diagnostics/block_list.ts";
import { NOT_ALLOCATED } from "./allocator/resize.ts";
import { checkInvariants } from "./diagnostics/invariants.ts";
import { MemPoolError } from "./base/errors.ts";
import { type Hooks, NO_HOOKS } from "./allocator/hooks.ts";
import { NONE } from "./region/layout.ts";
import type { LeakInfo } from "./checked/leaks.ts";
import { checkBlocks, checkCount, checkFromZero, productOf, signalFrom } from "./options.ts";
import { validBlockCount } from "./region/validate.ts";
import { collectStats, type MemPoolStats } from "./diagnostics/stats.ts";

/**
 * The operations of a pool in full: validate, find the block, do it, wrap the result. `MemPool` documents them, and
 * comes here when its fast path does not apply. Nothing is changed before every argument is found to be right.
 */
export class Operations {
  readonly #attachment: Attachment;
  readonly #blockSize: number;

  constructor(attachment: Attachment) {
    this.#attachment = attachment;
    this.#blockSize = attachment.region.blockSize;
  }

  /** Called before any other. */
  begin(): this {
    return this;
  }

  buffer(): ArrayBuffer {
    const size = this.#blockCount() * this.#blockSize;
    this.#checkBufferLength("make a buffer over the pool", size);
    return this.#attachment.buffers.whole(size);
  }

  alloc(numBytes: number): ArrayBuffer | null {
    checkCount("allocate", "numBytes", numBytes);
    this.#checkBufferLength("allocate", numBytes);
    return this.#handOut(this.#attachment.allocator.allocate(numBytes, this.hooks()), numBytes);
  }

  calloc(numMembers: number, size: number): ArrayBuffer | null {
    const numBytes = productOf("allocate", numMembers, size);
    this.#checkBufferLength("allocate", numBytes);
    return this.#handOut(this.#attachment.allocator.allocateZeroed(numBytes, this.hooks()), numBytes);
  }

  realloc(block: unknown, numBytes: number): ArrayBuffer | null {
    const number = this.#attachment.addressing.ofBuffer("reallocate", block);
    checkCount("reallocate", "numBytes", numBytes);
    this.#checkBufferLength("reallocate", numBytes);
    const target = this.#resized(number, numBytes, block);
    return this.#handOut(target, numBytes);
  }

  /** For a pool object, which has to be there until it is answered. */
  async allocAsync(numBytes: number, options: unknown, owner: object): Promise<ArrayBuffer> {
    checkCount("allocate", "numBytes", numBytes);
    const signal = signalFrom("allocate", options);
    this.#checkFits(numBytes);
    this.#checkBufferLength("allocate", numBytes);
    signal?.throwIfAborted();
    const request = { bytes: numBytes, hooks: this.hooks(), owner, signal };
    return await this.#attachment.allocator.requests.request(request, (number) => this.bufferOver(number, numBytes));
  }

  free(block: unknown): void {
    this.freeBlock(this.#attachment.addressing.ofBuffer("free", block), block);
  }

  allocMany(count: number, numBytes: number): ArrayBuffer[] | null {
    checkFromZero("allocate", "count", count);
    checkCount("allocate", "numBytes", numBytes);
    this.#checkBufferLength("allocate", numBytes);
    const numbers = this.#attachment.allocator.allocateMany(count, numBytes, this.hooks());
    return numbers === undefined ? null : Array.from(numbers, (number) => this.bufferOver(number, numBytes));
  }

  /** The blocks to free, in an array; runs the caller's code. */
  listOf(blocks: unknown): object[] {
    return checkBlocks("free", blocks, this.#attachment.region.table.capacity);
  }

  freeMany(blocks: readonly object[]): void {
    const { addressing } = this.#attachment;
    const numbers = blocks.map((block) => addressing.ofBuffer("free", block));
    const foreign = numbers.indexOf(NONE);
    const refused = foreign === NONE ? this.#attachment.allocator.freeMany(numbers) : foreign;
    if (refused !== NONE) addressing.refuseFree(numbers[refused]!, blocks[refused]);
  }

  owns(block: unknown): boolean {
    const { addressing } = this.#attachment;
    return addressing.isAllocated("look for", addressing.ofBuffer("look for", block));
  }

  offsetOf(block: unknown): number {
    const { addressing } = this.#attachment;
    const number = addressing.ofBuffer("locate", block);
    addressing.adopt("locate", number, block);
    return number * this.#blockSize;
  }

  at(offset: number): ArrayBuffer {
    const { addressing } = this.#attachment;
    const number = addressing.ofOffset("look at", offset);
    const numBytes = addressing.adopt("look at", number, offset);
    this.#checkBufferLength("look at", numBytes);
    return this.bufferOver(number, numBytes);
  }

  allocOffset(numBytes: number): number {
    checkCount("allocate", "numBytes", numBytes);
    return this.#offsetAt(this.#attachment.allocator.allocate(numBytes, this.hooks()));
  }

  callocOffset(numMembers: number, size: number): number {
    const numBytes = productOf("allocate", numMembers, size);
    return this.#offsetAt(this.#attachment.allocator.allocateZeroed(numBytes, this.hooks()));
  }

  reallocOffset(offset: number, numBytes: number): number {
    const number = this.#attachment.addressing.ofOffset("reallocate", offset);
    checkCount("reallocate", "numBytes", numBytes);
    return this.#offsetAt(this.#resized(number, numBytes, offset));
  }

  freeOffset(offset: number): void {
    this.freeBlock(this.#attachment.addressing.ofOffset("free", offset), offset);
  }

  reap(): number {
    return this.#attachment.allocator.reap();
  }

  trim(): number {
    return this.#attachment.allocator.trim();
  }

  leaks(): LeakInfo[] {
    throw new MemPoolError("unsupported", "Cannot list leaks: the pool was made without checked: true");
  }

  stats(): MemPoolStats {
    return this.#attachment.lock.inspect("count the pool", () => collectStats(this.#attachment.region));
  }

  blocks(): BlockList {
    return this.#attachment.lock.inspect("list blocks", () => new BlockList(this.#attachment.region));
  }

  check(): void {
    this.#attachment.lock.inspect("check the pool", () => checkInvariants(this.#attachment.region));
  }

  /** What goes with this call for each run that it hands out. */
  protected hooks(): Hooks {
    return NO_HOOKS;
  }

  protected bufferOver(number: number, numBytes: number): ArrayBuffer {
    return this.#attachment.buffers.over(number, numBytes);
  }

  protected freeBlock(number: number, name: unknown): void {
    const { addressing, allocator } = this.#attachment;
    const freed = number !== NONE && (allocator.cache.give(number) || allocator.free(number));
    if (!freed) addressing.refuseFree(number, name);
  }

  /** Returns the run's first block from now on, NONE or NOT_ALLOCATED. */
  protected resize(number: number, numBytes: number, _name: unknown): number {
    return this.#attachment.allocator.resize(number, numBytes);
  }

  /** Memory from the last block on is not there: what looks wrong may be changing, and is looked at under the lock. */
  #blockCount(): number {
    const { region, lock } = this.#attachment;
    try {
      return validBlockCount(region);
    } catch {
      return lock.inspect("make a buffer over the pool", () => validBlockCount(region));
    }
  }

  #resized(number: number, numBytes: number, name: unknown): number {
    const target = number === NONE ? NOT_ALLOCATED : this.resize(number, numBytes, name);
    if (target === NOT_ALLOCATED) throw this.#attachment.addressing.refusal("reallocate", number, name);
    return target;
  }

  #handOut(number: number, numBytes: number): ArrayBuffer | null {
    return number === NONE ? null : this.bufferOver(number, numBytes);
  }

  #offsetAt(number: number): number {
    return number === NONE ? NONE : number * this.#blockSize;
  }

  #checkFits(numBytes: number): void {
    const most = this.#attachment.region.table.capacity * this.#blockSize;
    if (numBytes <= most) return;
    throw new RangeError(
      `Cannot allocate: numBytes must not exceed what the pool can ever hold, ${most}, got ${numBytes}`,
    );
  }

  /** More than the pool could ever hold is no error but exhaustion, whatever the runtime's limit. */
  #checkBufferLength(action: string, numBytes: number): void {
    const limit = this.#attachment.maxBufferBytes;
    if (numBytes > limit && numBytes <= this.#attachment.region.table.capacity * this.#blockSize) {
      throw new MemPoolError("unsupported", `Cannot ${action}: a buffer holds at most ${limit} bytes, not ${numBytes}`);
    }
  }
}
