import type { Fate, Hooks } from "./allocator/hooks.ts";
import type { Lock } from "./allocator/lock.ts";
import { NOT_ALLOCATED, type Prepare } from "./allocator/resize.ts";
import type { Attachment } from "./attachment.ts";
import { checkBlock, describe } from "./base/arguments.ts";
import { MemPoolError } from "./base/errors.ts";
import { bufferBehind } from "./base/intrinsics.ts";
import { reserveStack } from "./base/stack.ts";
import { stackOf } from "./checked/allocation_log.ts";
import { callersStack } from "./checked/call_stack.ts";
import type { LeakInfo } from "./checked/leaks.ts";
import type { Tracker } from "./checked/tracker.ts";
import { Operations } from "./operations.ts";
import { FREE_BLOCKS, FREES, HIGH_WATER, NONE } from "./region/layout.ts";
import type { RecordChecks } from "./records/accessors.ts";
import type { RecordLayout } from "./records/types.ts";
import type { Region } from "./region/region.ts";
import { broken, checkHeader, validateRun } from "./region/validate.ts";

/** The operations that a pool object uses. This is the one place that decides between checked and unchecked pools. */
export function operationsOf(attachment: Attachment): Operations {
  const { tracker } = attachment;
  return tracker === undefined ? new Operations(attachment) : new CheckedOperations(attachment, tracker);
}

/** The operations of a checked pool: those of any pool, with a tracker that records them. */
class CheckedOperations extends Operations {
  readonly #tracker: Tracker;

  constructor(attachment: Attachment, tracker: Tracker) {
    super(attachment);
    this.#tracker = tracker;
  }

  override begin(action: string): this {
    // A checked call has many steps after which it cannot fail any more, so it makes sure of its stack beforehand.
    reserveStack();
    super.begin(action);
    checkCheaply(this.attachment.region);
    this.#tracker.retry(this.attachment.allocator);
    this.#tracker.report();
    return this;
  }

  override check(): void {
    super.check();
    this.attachment.lock.inspect("check the pool", () => this.#tracker.findLateWrites());
    this.#tracker.report();
  }

  override reap(): number {
    const { allocator, region: { counters } } = this.attachment;
    const hooks = this.hooks();
    const leaves = (block: number, fate: Fate): boolean => {
      if (hooks.leaves(block, fate)) return true;
      allocator.adopt("reap", block); // this worker gives it back later
      counters[FREES]!++;
      return false;
    };
    return allocator.reap({ ...hooks, leaves });
  }

  override leaks(): LeakInfo[] {
    return this.attachment.listLeaks();
  }

  /** A reference may be wrong in any way, so everything about it is checked. */
  override recordChecks({ byteLength, name }: RecordLayout): RecordChecks {
    const { table } = this.attachment.region;
    const check = (action: string, ref: unknown): void => {
      checkNumber(action, ref);
      const block = ref >= 0 ? this.blockAtRef(ref) : NONE;
      if (this.isAllocated(action, block) && table.requested(block) === byteLength) return;
      const why = block === NONE
        ? "the pool has no such block"
        : this.isAllocated(action, block)
        ? `${table.requested(block)} bytes are allocated there, a record has ${byteLength}`
        : "it is not allocated";
      const stacks = block === NONE ? "" : this.#tracker.historyOfRef(block);
      throw new MemPoolError("stale-reference", `Cannot ${action} of record ${ref} (${name}): ${why}${stacks}`);
    };
    const bufferOf = (action: string, ref: unknown): ArrayBuffer => {
      check(action, ref);
      return this.bufferOver(Math.abs(ref as number), byteLength);
    };
    return { check, bufferOf };
  }

  protected override hooks(record?: string): Hooks {
    return this.#hooksFor([], record);
  }

  protected override bufferOver(number: number, numBytes: number): ArrayBuffer {
    const mine = this.#tracker.bufferOver(number, numBytes);
    if (mine !== undefined) return mine;
    const buffer = super.bufferOver(number, numBytes);
    this.#tracker.track(buffer, number);
    return buffer;
  }

  /** A new buffer in any case: a kept one may be stale, and is detached when the resize ends the old allocation. */
  protected override prepareBuffer(number: number, numBytes: number): ArrayBuffer {
    return this.attachment.buffers.make(number, numBytes);
  }

  protected override freeBlock(number: number, name: unknown): void {
    this.freeBlocks([number], [name]);
  }

  /** All or none. Other workers see one step: of several workers that free one block, one succeeds. */
  protected override freeAll(numbers: readonly number[], names: readonly unknown[]): number {
    const { allocator, lock, region } = this.attachment;
    for (const number of numbers) checkRun(region, lock, number);
    return allocator.freeMany(numbers, this.#hooksFor(names));
  }

  /** The buffer is tracked once the old allocation has ended. */
  override realloc(block: unknown, numBytes: number): ArrayBuffer | null {
    const buffer = super.realloc(block, numBytes);
    if (buffer === null) return null;
    const number = this.attachment.buffers.blockOf(buffer);
    const mine = this.#tracker.bufferOver(number, numBytes);
    if (mine !== undefined) return mine;
    this.#tracker.track(buffer, number);
    return buffer;
  }

  protected override resize(number: number, numBytes: number, name: unknown, prepare: Prepare): number {
    const { allocator, lock, region } = this.attachment;
    if (!this.isAllocated("reallocate", number)) return NOT_ALLOCATED;
    checkRun(region, lock, number);
    return allocator.resize(number, numBytes, this.#hooksFor([name]), prepare);
  }

  /** In a checked pool, a buffer that was freed names no block any more. */
  protected override blockOfBuffer(action: string, block: unknown): number {
    const buffer = checkBlock(action, block);
    if (this.#isStale(action, buffer)) return NONE;
    const number = super.blockOfBuffer(action, block);
    if (this.isAllocated(action, number)) this.#tracker.track(buffer as ArrayBuffer, number);
    return number;
  }

  /** A "no" is reliable only under the lock: `freeMany` may claim a run for a moment and give it back. */
  protected override isAllocated(action: string, number: number): boolean {
    return number !== NONE &&
      (this.#tracker.isAllocated(number) ||
        this.attachment.lock.inspect(action, () => this.#tracker.isAllocated(number)));
  }

  protected override adopt(action: string, number: number, name: unknown): number {
    if (!this.isAllocated(action, number)) throw this.refusal(action, number, name);
    checkRun(this.attachment.region, this.attachment.lock, number);
    return super.adopt(action, number, name);
  }

  protected override refusal(action: string, number: number, name: unknown): MemPoolError {
    const buffer = bufferBehind(name);
    const stale = buffer === undefined ? undefined : this.#tracker.staleOrigin(buffer);
    const error = stale === undefined ? super.refusal(action, number, name) : this.refusalOfFree(action, stale.block);
    if (error.code !== "double-free") return error;
    const again = action === "free" ? "freed again" : `now to ${action} it`;
    return new MemPoolError(error.code, error.message + this.#tracker.history(stale?.block ?? number, again, stale));
  }

  /** A "yes" is reliable only under the lock: in a pool that is being destroyed, every buffer looks stale. */
  #isStale(action: string, buffer: ArrayBufferLike): boolean {
    const look = (): boolean => this.#tracker.staleOrigin(buffer) !== undefined;
    return look() && this.attachment.lock.inspect(action, look);
  }

  /** The hooks of a call with these arguments and the present stack. */
  #hooksFor(names: readonly unknown[], record?: string): Hooks {
    const tracker = this.#tracker;
    const stack = stackOf(record, callersStack());
    let slides = false;
    return {
      allocated: (block) => tracker.allocated(block, stack, !slides),
      isNamed: (block, place) => tracker.isNamed(block, names[place]),
      leaves: (block, fate) => {
        // A run that has moved or is freed is freed in any case. A run that shrinks or slides stays unless it can be
        // vacated.
        if ((fate === "shrinks" || fate === "slides") && !tracker.vacate(block)) return false;
        slides = fate === "slides";
        return fate === "shrinks" || tracker.leaves(block, stack);
      },
      resized: (block) => tracker.resized(block, stack),
    };
  }
}

function checkNumber(action: string, ref: unknown): asserts ref is number {
  if (typeof ref !== "number") throw new TypeError(`Cannot ${action}: ref must be a number, got ${describe(ref)}`);
  if (!Number.isInteger(ref)) throw new RangeError(`Cannot ${action}: ref must be a whole number, got ${ref}`);
}

/** The invariants that can be checked in constant time and without the lock, before every call. */
function checkCheaply(region: Region): void {
  checkHeader(region);
  const { header, table } = region;
  const counts = [["I6", "the count of free blocks", FREE_BLOCKS], ["I9", "high water", HIGH_WATER]] as const;
  for (const [invariant, name, word] of counts) {
    const value = header[word]!;
    if (!(value >= 0 && value <= table.blockCount)) throw broken(invariant, `${name} is ${value}`);
  }
}

/** What the invariants say of one allocated run, in constant time. The caller does not hold the lock. */
function checkRun(region: Region, lock: Lock, block: number): void {
  try {
    validateRun(region, block);
  } catch {
    // Another worker may be freeing or resizing the run at this moment, by mistake. Under the lock it cannot.
    lock.inspect("check the pool", () => validateRun(region, block));
  }
}
