/** The worker of the tests of checked pools. It uses a pool through functions that the tests find in stacks by name. */

import { assert } from "@std/assert";
import { MemPool, MemPoolError, type MemPoolHandle } from "mempool";
import { openNative } from "../../src/runtime/open.ts";
import { mark, present, warningsOf } from "../support/pool.ts";
import { answer, transferring } from "../support/workers.ts";

/**
 * The worker keeps each buffer it gets. `place` is the index of a buffer, in the order in which the worker got them.
 */
export type CheckedOrder =
  | { readonly ask: "attach"; readonly handle: MemPoolHandle }
  | { readonly ask: "alloc"; readonly bytes: number }
  | { readonly ask: "look" | "freeOffset"; readonly offset: number }
  | { readonly ask: "realloc"; readonly place: number; readonly bytes: number }
  | { readonly ask: "free" | "post" | "state"; readonly place: number }
  | { readonly ask: "free buffer" | "keep"; readonly buffer: ArrayBuffer }
  | { readonly ask: "leaks" | "reap" | "close" | "destroy" };

/** The result of a call that the pool may refuse: code and message of the error, or the code "done". */
export interface Outcome {
  readonly code: string;
  readonly message: string;
}

let pool: MemPool;
const kept: ArrayBuffer[] = [];

answer((order: CheckedOrder) => {
  switch (order.ask) {
    case "attach":
      pool = MemPool.attach(order.handle);
      return openNative().thread();
    case "alloc":
      kept.push(allocateInWorker(order.bytes));
      return pool.offsetOf(kept.at(-1)!);
    case "look":
      kept.push(pool.at(order.offset));
      return kept.at(-1)!.byteLength;
    case "realloc":
      kept.push(reallocInWorker(kept[order.place]!, order.bytes));
      return pool.offsetOf(kept.at(-1)!);
    case "free":
      return outcomeOf(() => freeInWorker(kept[order.place]!));
    case "freeOffset":
      return outcomeOf(() => freeOffsetInWorker(order.offset));
    case "free buffer":
      return outcomeOf(() => freeInWorker(order.buffer));
    case "keep":
      return void kept.push(order.buffer);
    case "post":
      return transferring(kept[order.place], [kept[order.place]!]);
    case "state":
      return { detached: kept[order.place]!.detached, owned: pool.owns(kept[order.place]!) };
    case "leaks":
      return pool.leaks();
    case "destroy":
      return warningsOf(() => pool.destroy());
    default:
      return pool[order.ask]();
  }
});

function allocateInWorker(bytes: number): ArrayBuffer {
  const block = present(pool.alloc(bytes));
  mark(block, bytes);
  return block;
}

function reallocInWorker(block: ArrayBuffer, bytes: number): ArrayBuffer {
  const resized = present(pool.realloc(block, bytes));
  assert(resized.byteLength === bytes);
  return resized;
}

function freeInWorker(block: ArrayBuffer): void {
  pool.free(block);
}

function freeOffsetInWorker(offset: number): void {
  pool.freeOffset(offset);
}

function outcomeOf(act: () => void): Outcome {
  try {
    act();
    return { code: "done", message: "" };
  } catch (error) {
    if (!(error instanceof MemPoolError)) throw error;
    return { code: error.code, message: error.message };
  }
}
