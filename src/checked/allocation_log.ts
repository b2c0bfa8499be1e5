import { TextDecoder, TextEncoder } from "node:util";
import {
  allocationLogWord,
  CACHED_BLOCKS,
  LAST_SEQUENCE,
  LOG_ALLOCATED_AT,
  LOG_ENDED_AT,
  LOG_ENTRY_WORDS,
  LOG_FREED,
  LOG_FREED_AT,
  LOG_SEQUENCE,
  NONE,
  STACK_LOG_USED,
  STACK_LOG_WORDS,
} from "../region/layout.ts";
import type { Region } from "../region/region.ts";

/** The bytes of a stack that are recorded, in UTF-8. */
const MAX_STACK_BYTES = 4000;
const NO_ROOM = "    (not recorded: there was no room left for stacks)";
const FREED_SINCE = "    (not recorded: other workers have freed the block since)";

/** Precedes the stack of an allocation of a record, in a line of its own with the name of the layout. */
const AS_RECORD = "as record ";

/** The text that is logged for an allocation, of a record of this name or of none. */
export function stackOf(record: string | undefined, stack: string): string {
  return record === undefined ? stack : `${AS_RECORD}${record}\n${stack}`;
}

/** The inverse of `stackOf`. */
export function recordAndStack(text: string): { record?: string; stack: string } {
  if (!text.startsWith(AS_RECORD)) return { stack: text };
  const end = text.indexOf("\n");
  return { record: text.slice(AS_RECORD.length, end), stack: text.slice(end + 1) };
}

/**
 * What a checked pool remembers of each block: its last allocation and its last free, each with a number and a stack.
 * It is in shared memory, so a worker can report what another worker did, even one that has died.
 *
 * Stacks are in a log that only grows. Programs allocate at few places, so each worker writes each stack once. A stack
 * is named by its place in the log; 0 stands for no stack. A place is reserved by one atomic addition. A worker that
 * dies while it writes a stack leaves an entry of length 0.
 *
 * The words of a block are written under the lock, by the worker that allocates, resizes or frees it.
 */
export class AllocationLog {
  readonly #header: Int32Array;
  readonly #words: Int32Array;
  readonly #log: Int32Array;
  readonly #logBytes: Uint8Array;
  /** The places of the stacks that this worker has written. */
  readonly #known = new Map<string, number>();

  /** The region must be that of a checked pool. */
  constructor({ header, meta, table: { capacity } }: Region) {
    const start = allocationLogWord(capacity, header[CACHED_BLOCKS]!);
    const end = start + capacity * LOG_ENTRY_WORDS;
    this.#header = header;
    this.#words = meta.subarray(start, end);
    this.#log = meta.subarray(end, end + STACK_LOG_WORDS);
    this.#logBytes = new Uint8Array(this.#log.buffer, this.#log.byteOffset, this.#log.byteLength);
  }

  /** Records an allocation of the block. */
  allocated(block: number, stack: string): void {
    const at = block * LOG_ENTRY_WORDS;
    this.#words[at + LOG_ALLOCATED_AT] = this.#placeOf(stack);
    let sequence = this.#nextSequence();
    // The numbers wrap around, and the last one may be corrupted. With the number of its last free, the block would
    // count as freed.
    if (sequence === this.#words[at + LOG_FREED]) sequence = this.#nextSequence();
    Atomics.store(this.#words, at + LOG_SEQUENCE, sequence);
  }

  /**
   * Records the free of an allocation of the block, whose own stack has its place at `allocatedAt`. Returns the place of
   * the stack of the free.
   */
  freed(block: number, sequence: number, allocatedAt: number, stack: string): number {
    const at = block * LOG_ENTRY_WORDS;
    const place = this.#placeOf(stack);
    this.#words[at + LOG_ENDED_AT] = allocatedAt;
    this.#words[at + LOG_FREED_AT] = place;
    Atomics.store(this.#words, at + LOG_FREED, sequence);
    return place;
  }

  /** The number of the block's last allocation; 0 if it was never allocated. */
  sequence(block: number): number {
    return Atomics.load(this.#words, block * LOG_ENTRY_WORDS + LOG_SEQUENCE);
  }

  /** Whether the block's last allocation has ended. The block itself may still be held back: see `Tracker.leaves`. */
  isFreed(block: number): boolean {
    return Atomics.load(this.#words, block * LOG_ENTRY_WORDS + LOG_FREED) === this.sequence(block);
  }

  /** Orders blocks by their last allocation, the oldest first, even if the numbers have wrapped around between them. */
  compareAges(one: number, other: number): number {
    return (this.sequence(one) - this.sequence(other)) | 0;
  }

  /** The name of the layout of the block's last allocation; undefined if that was no record. */
  recordOf(block: number): string | undefined {
    return recordAndStack(this.stackAt(this.allocatedAt(block))).record;
  }

  /** The place of the stack of the block's last allocation. */
  allocatedAt(block: number): number {
    return this.#words[block * LOG_ENTRY_WORDS + LOG_ALLOCATED_AT]!;
  }

  /** The place of the stack that freed this allocation of the block; NONE if it is no longer known. */
  freedAt(block: number, sequence: number): number {
    const at = block * LOG_ENTRY_WORDS;
    return Atomics.load(this.#words, at + LOG_FREED) === sequence ? this.#words[at + LOG_FREED_AT]! : NONE;
  }

  /** The places of the stacks of the block's allocation that was freed last, and of that free; undefined if none was. */
  lastEnded(block: number): { readonly allocatedAt: number; readonly freedAt: number } | undefined {
    const at = block * LOG_ENTRY_WORDS;
    if (Atomics.load(this.#words, at + LOG_FREED) === 0) return undefined;
    return { allocatedAt: this.#words[at + LOG_ENDED_AT]!, freedAt: this.#words[at + LOG_FREED_AT]! };
  }

  /** The stack at a place, or a line that says why there is none. */
  stackAt(place: number): string {
    if (place === NONE) return FREED_SINCE;
    if (!(place >= 1 && place <= STACK_LOG_WORDS)) return NO_ROOM;
    const length = Atomics.load(this.#log, place - 1);
    if (!(length >= 1 && length <= MAX_STACK_BYTES && 4 * place + length <= this.#logBytes.length)) return NO_ROOM;
    return new TextDecoder().decode(this.#logBytes.slice(4 * place, 4 * place + length));
  }

  #nextSequence(): number {
    const next = (): number => (Atomics.add(this.#header, LAST_SEQUENCE, 1) + 1) | 0;
    return next() || next(); // 0 stands for a block that was never allocated
  }

  /** The place of a stack, which is written if this worker has not written it yet; 0 if there is no room. */
  #placeOf(stack: string): number {
    const known = this.#known.get(stack);
    if (known !== undefined) return known;
    const place = this.#write(new TextEncoder().encode(stack).subarray(0, MAX_STACK_BYTES));
    // Stacks without a place are not remembered: a program with so many different stacks would fill the memory with
    // them.
    if (place !== 0) this.#known.set(stack, place);
    return place;
  }

  /** Appends a text to the log: a word with its length, then its bytes. Returns its place, or 0 if there is no room. */
  #write(text: Uint8Array): number {
    const words = 1 + Math.ceil(text.length / 4);
    // Read first, so that further attempts do not count up a full log until the word overflows.
    if (Atomics.load(this.#header, STACK_LOG_USED) + words > STACK_LOG_WORDS) return 0;
    const at = Atomics.add(this.#header, STACK_LOG_USED, words);
    if (at < 0 || at + words > STACK_LOG_WORDS) return 0;
    this.#logBytes.set(text, 4 * (at + 1));
    Atomics.store(this.#log, at, text.length);
    return at + 1;
  }
}
