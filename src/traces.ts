import {
  LAST_SEQUENCE,
  STACK_LOG_USED,
  STACK_LOG_WORDS,
  TRACE_ALLOCATED_AT,
  TRACE_FREED,
  TRACE_FREED_AT,
  TRACE_SEQUENCE,
  TRACE_SHIFT,
} from "./layout.ts";

const MAX_STACK_BYTES = 4000;
const UNKNOWN = "    (not recorded: there was no room left for stacks)";

/**
 * What a checked pool remembers of each block: when and where it was allocated last, and freed. In shared memory, so that
 * a worker can tell of what another did, also of one that died. Stacks are kept in a log that only grows: programs
 * allocate at few places, so each is written once by each worker. A stack's number is its place there, 0 for none.
 *
 * A block's words are written by whoever has just allocated it, or is about to free it, without the lock: workers that
 * free one block at the same moment may leave the stack of either. A worker that dies while it writes to the log leaves
 * an entry of length 0.
 */
export class Traces {
  readonly #header: Int32Array;
  readonly #words: Int32Array;
  readonly #log: Int32Array;
  readonly #logBytes: Uint8Array;
  readonly #known = new Map<string, number>();

  /** `words` holds the blocks' words, `log` the stacks. */
  constructor(header: Int32Array, words: Int32Array, log: Int32Array) {
    this.#header = header;
    this.#words = words;
    this.#log = log;
    this.#logBytes = new Uint8Array(log.buffer, log.byteOffset, log.byteLength);
  }

  /** Notes that a block was handed out at this stack. */
  allocated(block: number, stack: string): void {
    const at = block << TRACE_SHIFT;
    this.#words[at + TRACE_ALLOCATED_AT] = this.#note(stack);
    Atomics.store(this.#words, at + TRACE_SEQUENCE, Atomics.add(this.#header, LAST_SEQUENCE, 1) + 1);
  }

  /** Notes that this allocation of the block is freed at this stack. */
  freed(block: number, sequence: number, stack: string): void {
    const at = block << TRACE_SHIFT;
    this.#words[at + TRACE_FREED_AT] = this.#note(stack);
    Atomics.store(this.#words, at + TRACE_FREED, sequence);
  }

  /** Tells allocations apart, in the order of time; 0 for a block that never was allocated. */
  sequence(block: number): number {
    return Atomics.load(this.#words, (block << TRACE_SHIFT) + TRACE_SEQUENCE);
  }

  /** Whether the block's last allocation was freed, even if the block is still kept from being handed out. */
  isFreed(block: number): boolean {
    return Atomics.load(this.#words, (block << TRACE_SHIFT) + TRACE_FREED) === this.sequence(block);
  }

  /** Where the block was allocated last. */
  allocatedAt(block: number): string {
    return this.#read(this.#words[(block << TRACE_SHIFT) + TRACE_ALLOCATED_AT]!);
  }

  /** Where the block was freed last. */
  freedAt(block: number): string {
    return this.#read(this.#words[(block << TRACE_SHIFT) + TRACE_FREED_AT]!);
  }

  #note(stack: string): number {
    let place = this.#known.get(stack);
    if (place === undefined) {
      place = this.#write(new TextEncoder().encode(stack).subarray(0, MAX_STACK_BYTES));
      this.#known.set(stack, place);
    }
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

  #read(place: number): string {
    if (!(place >= 1 && place <= STACK_LOG_WORDS)) return UNKNOWN;
    const length = Atomics.load(this.#log, place - 1);
    if (!(length >= 1 && length <= MAX_STACK_BYTES && 4 * place + length <= this.#logBytes.length)) return UNKNOWN;
    return new TextDecoder().decode(this.#logBytes.slice(4 * place, 4 * place + length));
  }
}
