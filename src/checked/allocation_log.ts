import {
  allocationLogWord,
  CACHED_BLOCKS,
  LAST_SEQUENCE,
  LOG_ALLOCATED_AT,
  LOG_ENTRY_SHIFT,
  LOG_ENTRY_WORDS,
  LOG_FREED,
  LOG_FREED_AT,
  LOG_SEQUENCE,
  NONE,
  STACK_LOG_USED,
  STACK_LOG_WORDS,
} from "../region/layout.ts";
import type { Region } from "../region/region.ts";

const MAX_STACK_BYTES = 4000;
const NO_ROOM = "    (not recorded: there was no room left for stacks)";
const FREED_SINCE = "    (not recorded: other workers have freed the block since)";

/**
 * What a checked pool remembers of each block: when and where it was allocated last, and freed. In shared memory, so that
 * a worker can tell of what another did, also of one that died. Stacks are kept in a log that only grows: programs
 * allocate at few places, so each is written once by each worker. A stack's number is its place there, 0 for none.
 *
 * A block's words are written by whoever has just allocated or resized it, and by whoever frees it, under the lock. A
 * worker that dies while it writes to the log leaves an entry of length 0.
 */
export class AllocationLog {
  readonly #header: Int32Array;
  readonly #words: Int32Array;
  readonly #log: Int32Array;
  readonly #logBytes: Uint8Array;
  readonly #known = new Map<string, number>();

  /** Of the region of a checked pool. */
  constructor({ header, meta, table: { capacity } }: Region) {
    const start = allocationLogWord(capacity, header[CACHED_BLOCKS]!);
    const end = start + capacity * LOG_ENTRY_WORDS;
    this.#header = header;
    this.#words = meta.subarray(start, end);
    this.#log = meta.subarray(end, end + STACK_LOG_WORDS);
    this.#logBytes = new Uint8Array(this.#log.buffer, this.#log.byteOffset, this.#log.byteLength);
  }

  /** Notes that a block was handed out at this stack. */
  allocated(block: number, stack: string): void {
    const at = block << LOG_ENTRY_SHIFT;
    this.#words[at + LOG_ALLOCATED_AT] = this.#note(stack);
    let sequence = this.#nextSequence();
    // Where numbers began anew, or the last one was overwritten by accident: the block would count as freed.
    if (sequence === this.#words[at + LOG_FREED]) sequence = this.#nextSequence();
    Atomics.store(this.#words, at + LOG_SEQUENCE, sequence);
  }

  /** Notes that an allocation of the block ended at this stack; returns the stack's place. */
  freed(block: number, sequence: number, stack: string): number {
    const at = block << LOG_ENTRY_SHIFT;
    const place = this.#note(stack);
    this.#words[at + LOG_FREED_AT] = place;
    Atomics.store(this.#words, at + LOG_FREED, sequence);
    return place;
  }

  /** Tells allocations apart; 0 for a block that never was allocated. */
  sequence(block: number): number {
    return Atomics.load(this.#words, (block << LOG_ENTRY_SHIFT) + LOG_SEQUENCE);
  }

  /** Whether the block's last allocation has ended, even if the block is still kept from being handed out. */
  isFreed(block: number): boolean {
    return Atomics.load(this.#words, (block << LOG_ENTRY_SHIFT) + LOG_FREED) === this.sequence(block);
  }

  /** Puts the block that was allocated first before the others, also where their numbers began anew between them. */
  compareAges(one: number, other: number): number {
    return (this.sequence(one) - this.sequence(other)) | 0;
  }

  /** The place of the stack where the block was allocated last. */
  allocatedAt(block: number): number {
    return this.#words[(block << LOG_ENTRY_SHIFT) + LOG_ALLOCATED_AT]!;
  }

  /** The place of the stack where this allocation of the block ended; NONE when that is no longer known. */
  freedAt(block: number, sequence: number): number {
    const at = block << LOG_ENTRY_SHIFT;
    return Atomics.load(this.#words, at + LOG_FREED) === sequence ? this.#words[at + LOG_FREED_AT]! : NONE;
  }

  /** The stack at a place, or why there is none. */
  stackAt(place: number): string {
    if (place === NONE) return FREED_SINCE;
    if (!(place >= 1 && place <= STACK_LOG_WORDS)) return NO_ROOM;
    const length = Atomics.load(this.#log, place - 1);
    if (!(length >= 1 && length <= MAX_STACK_BYTES && 4 * place + length <= this.#logBytes.length)) return NO_ROOM;
    return new TextDecoder().decode(this.#logBytes.slice(4 * place, 4 * place + length));
  }

  #nextSequence(): number {
    const next = (): number => (Atomics.add(this.#header, LAST_SEQUENCE, 1) + 1) | 0;
    return next() || next(); // 0 says that a block never was allocated
  }

  #note(stack: string): number {
    const known = this.#known.get(stack);
    if (known !== undefined) return known;
    const place = this.#write(new TextEncoder().encode(stack).subarray(0, MAX_STACK_BYTES));
    // Without a place it is not worth the memory: where there are so many stacks, more will come.
    if (place !== 0) this.#known.set(stack, place);
    return place;
  }

  #write(text: Uint8Array): number {
    const words = 1 + Math.ceil(text.length / 4);
    if (Atomics.load(this.#header, STACK_LOG_USED) + words > STACK_LOG_WORDS) return 0;
    const at = Atomics.add(this.#header, STACK_LOG_USED, words);
    if (at < 0 || at + words > STACK_LOG_WORDS) return 0;
    this.#logBytes.set(text, 4 * (at + 1));
    Atomics.store(this.#log, at, text.length);
    return at + 1;
  }
}
