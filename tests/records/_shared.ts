/** The layouts that the test and its workers share, as a program shares them: one module that each of them imports. */

import { type MemPool, type MemPoolHandle, record } from "mempool";

export const Node = record({ next: "ref", cost: "f64", visits: "u32", big: "i64", tags: ["u8", 6] }, { name: "Node" });

export type NodeRecords = ReturnType<typeof nodesOf>;

export function nodesOf(pool: MemPool) {
  return pool.records(Node);
}

export type RecordOrder =
  | { readonly ask: "attach"; readonly handle: MemPoolHandle }
  /** Makes a list of so many records with costs from 0 up, and returns the first one and how often the pool grew. */
  | { readonly ask: "make list"; readonly length: number }
  /** Returns the sum of the costs, and raises each of them by one. */
  | { readonly ask: "walk" | "walk with a cursor"; readonly first: number }
  | { readonly ask: "drop"; readonly first: number }
  /** Adds 1 to `visits` and `big` of a record so many times, by each of the atomic operations in turn. */
  | { readonly ask: "count"; readonly ref: number; readonly times: number; readonly flags: SharedArrayBuffer }
  /** Uses a record until the word at 1 of `flags` is set, and returns how often; the word at 0 says that it has begun. */
  | { readonly ask: "use"; readonly ref: number; readonly flags: SharedArrayBuffer }
  /** Allocates and frees as fast as it can, together with other workers; returns how many records it got. */
  | { readonly ask: "churn"; readonly rounds: number }
  | { readonly ask: "destroy" };
