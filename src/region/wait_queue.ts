import { type BlockTable, fromWords, highWord, isAllocated, workerOf } from "./block_table.ts";
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
import { broken, isInTable } from "./validate.ts";

/** A value of REQUEST_BLOCK: the request has no block yet. */
export const WAITING = -1;
/** A value of REQUEST_BLOCK: the block was collected or the request given up. Differs from WAITING in several bits. */
export const DONE = -8;

/**
 * Requests that wait for blocks, in order of arrival, in a ring in the region. A request is named by its place: places
 * count up, modulo 2^32, and the low bits of a place say where in the ring it is. The caller holds the lock.
 *
 * QUEUE_FIRST is the oldest request that is not done, QUEUE_NEXT the oldest that may still wait, and QUEUE_END one more
 * than the youngest.
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

  /**
   * The number of requests from the oldest that is not done to the youngest. Throws if the three places contradict each
   * other, because a walk from one to another might not end.
   */
  #length(): number {
    const header = this.#header;
    const length = (header[QUEUE_END]! - header[QUEUE_FIRST]!) | 0;
    const before = (header[QUEUE_NEXT]! - header[QUEUE_FIRST]!) | 0;
    if (length >= 0 && length <= MAX_WAITING && before >= 0 && before <= length) return length;
    throw broken("I15", `the queue claims to hold ${length} requests, of which ${before} do not wait`);
  }

  /** Adds a request to the end of a queue that is not full. Returns its place. */
  push(worker: number, bytes: number): number {
    const place = this.#header[QUEUE_END]!;
    this.#set(place, REQUEST_WORKER, worker);
    this.#set(place, REQUEST_LOW, bytes | 0);
    this.#set(place, REQUEST_HIGH, highWord(bytes));
    this.#set(place, REQUEST_BLOCK, WAITING);
    this.#header[QUEUE_END] = place + 1;
    return place;
  }

  /** Whether a request waits. If so, `next` is the oldest one. */
  findNext(): boolean {
    this.#length();
    const header = this.#header;
    while (header[QUEUE_NEXT] !== header[QUEUE_END] && this.blockAt(header[QUEUE_NEXT]!) !== WAITING) {
      header[QUEUE_NEXT]!++;
    }
    return header[QUEUE_NEXT] !== header[QUEUE_END];
  }

  /** The place of the oldest request that waits, after `findNext` has returned true. */
  get next(): number {
    return this.#header[QUEUE_NEXT]!;
  }

  workerAt(place: number): number {
    return this.#get(place, REQUEST_WORKER);
  }

  bytesAt(place: number): number {
    return fromWords(this.#get(place, REQUEST_LOW), this.#get(place, REQUEST_HIGH));
  }

  /** The block that a request was given, or WAITING or DONE. */
  blockAt(place: number): number {
    return this.#get(place, REQUEST_BLOCK);
  }

  /**
   * Notes the block that a request gets. This comes before the block is handed out: if the worker dies in between, the
   * block is free and `repair` makes the request wait again.
   */
  grant(place: number, block: number): void {
    this.#set(place, REQUEST_BLOCK, block);
  }

  /** Marks a request as done, because its block was collected or the request was given up. */
  finish(place: number): void {
    const header = this.#header;
    this.#set(place, REQUEST_BLOCK, DONE);
    this.findNext();
    while (header[QUEUE_FIRST] !== header[QUEUE_NEXT] && this.blockAt(header[QUEUE_FIRST]!) === DONE) {
      header[QUEUE_FIRST]!++;
    }
  }

  /** Visits all requests that are not done. */
  forEach(visit: (place: number) => void): void {
    const first = this.#header[QUEUE_FIRST]!;
    const length = this.#length();
    for (let more = 0; more < length; more++) {
      const place = (first + more) | 0;
      if (this.blockAt(place) !== DONE) visit(place);
    }
  }

  /** Whether a request has a block that is still allocated by the worker that waits. */
  isGranted(place: number, table: BlockTable): boolean {
    const block = this.blockAt(place);
    if (!isInTable(table, block)) return false;
    const tag = table.loadTag(block);
    return isAllocated(tag) && workerOf(tag) === this.workerAt(place);
  }

  /** Makes every request wait again that has no block, after a critical section was interrupted. */
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
