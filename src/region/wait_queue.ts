import {
  MAX_WAITING,
  QUEUE_END,
  QUEUE_FIRST,
  QUEUE_NEXT,
  REQUEST_BLOCK,
  REQUEST_HIGH,
  REQUEST_LOW,
  REQUEST_WORDS,
  REQUEST_WORKER,
} from "./layout.ts";
import { type BlockTable, fromWords, highWord, isAllocated, workerOf } from "./block_table.ts";
import { broken, isInTable } from "./validate.ts";

/** What REQUEST_BLOCK says before a request has a block, and once nobody wants it any more. They differ in several bits. */
export const WAITING = -1;
export const DONE = -8;

/**
 * Requests for blocks that were not free, in order of arrival: a ring in the region. A request is named by its place, which
 * counts up. The caller holds the lock.
 *
 * FIRST is the oldest request that is not done, NEXT the oldest that may still wait, END one more than the youngest.
 */
export class WaitQueue {
  readonly #header: Int32Array;
  readonly #ring: Int32Array;

  constructor(header: Int32Array, ring: Int32Array) {
    this.#header = header;
    this.#ring = ring;
  }

  get isEmpty(): boolean {
    return this.#length() === 0;
  }

  get isFull(): boolean {
    return this.#length() === MAX_WAITING;
  }

  /** Requests from the oldest that is not done to the youngest. Throws where the places cannot be: a walk would have no end. */
  #length(): number {
    const header = this.#header;
    const length = (header[QUEUE_END]! - header[QUEUE_FIRST]!) | 0;
    const before = (header[QUEUE_NEXT]! - header[QUEUE_FIRST]!) | 0;
    if (length >= 0 && length <= MAX_WAITING && before >= 0 && before <= length) return length;
    throw broken("I15", `of ${length} requests ${before} are said not to wait`);
  }

  /** Puts a request at the end of a queue that is not full; returns its place. */
  push(worker: number, bytes: number): number {
    const place = this.#header[QUEUE_END]!;
    this.#set(place, REQUEST_WORKER, worker);
    this.#set(place, REQUEST_LOW, bytes | 0);
    this.#set(place, REQUEST_HIGH, highWord(bytes));
    this.#set(place, REQUEST_BLOCK, WAITING);
    this.#header[QUEUE_END] = place + 1;
    return place;
  }

  /** Whether a request waits; then `next` is the oldest one that does. */
  findNext(): boolean {
    this.#length();
    const header = this.#header;
    while (header[QUEUE_NEXT] !== header[QUEUE_END] && this.blockAt(header[QUEUE_NEXT]!) !== WAITING) {
      header[QUEUE_NEXT]!++;
    }
    return header[QUEUE_NEXT] !== header[QUEUE_END];
  }

  get next(): number {
    return this.#header[QUEUE_NEXT]!;
  }

  workerAt(place: number): number {
    return this.#get(place, REQUEST_WORKER);
  }

  bytesAt(place: number): number {
    return fromWords(this.#get(place, REQUEST_LOW), this.#get(place, REQUEST_HIGH));
  }

  /** The block that a request has got, WAITING or DONE. */
  blockAt(place: number): number {
    return this.#get(place, REQUEST_BLOCK);
  }

  /** Notes the block that a request is to get. Before it is handed out, so that a death in between loses nothing. */
  grant(place: number, block: number): void {
    this.#set(place, REQUEST_BLOCK, block);
  }

  /** Nobody wants the request any more, or its block has been collected. */
  finish(place: number): void {
    const header = this.#header;
    this.#set(place, REQUEST_BLOCK, DONE);
    this.findNext();
    while (header[QUEUE_FIRST] !== header[QUEUE_NEXT] && this.blockAt(header[QUEUE_FIRST]!) === DONE) {
      header[QUEUE_FIRST]!++;
    }
  }

  /** Visits all that are not done. */
  forEach(visit: (place: number) => void): void {
    const first = this.#header[QUEUE_FIRST]!;
    const length = this.#length();
    for (let more = 0; more < length; more++) {
      const place = (first + more) | 0;
      if (this.blockAt(place) !== DONE) visit(place);
    }
  }

  /** Whether a request has a block, and the block is still its worker's. */
  isGranted(place: number, table: BlockTable): boolean {
    const block = this.blockAt(place);
    if (!isInTable(table, block)) return false;
    const tag = table.loadTag(block);
    return isAllocated(tag) && workerOf(tag) === this.workerAt(place);
  }

  /** Lets all requests wait that have no block, whatever they say: after a worker died in a critical section. */
  repair(table: BlockTable): void {
    this.forEach((place) => {
      if (!this.isGranted(place, table)) this.#set(place, REQUEST_BLOCK, WAITING);
    });
    this.#header[QUEUE_NEXT] = this.#header[QUEUE_FIRST]!;
  }

  #get(place: number, word: number): number {
    return this.#ring[(place & (MAX_WAITING - 1)) * REQUEST_WORDS + word]!;
  }

  #set(place: number, word: number, value: number): void {
    this.#ring[(place & (MAX_WAITING - 1)) * REQUEST_WORDS + word] = value;
  }
}
