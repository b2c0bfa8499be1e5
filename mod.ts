/**
 * A memory pool for Deno, Bun and Node: fixed-size blocks in one region of native memory, shared by all workers, handed
 * out as ArrayBuffers, as typed records or as plain offsets. README.md says when to use it, and docs/design.md how it
 * works.
 *
 * @example A pool object
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { MEGABYTE, MemPool } from "mempool";
 *
 * using pool = MemPool.init(64 * MEGABYTE, 256);
 * const block = pool.alloc(200)!;
 * assertEquals(block.byteLength, 200);
 * pool.free(block);
 * ```
 *
 * @example Records with fields
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { MEGABYTE, MemPool, record } from "mempool";
 *
 * const Node = record({ next: "ref", cost: "f64" });
 * using pool = MemPool.init(64 * MEGABYTE, Node.byteLength);
 * const nodes = pool.records(Node);
 * const node = nodes.alloc();
 * nodes.set.cost(node, 1.5);
 * assertEquals(nodes.get.cost(node), 1.5);
 * nodes.free(node);
 * ```
 *
 * @example One default pool, as in C
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import * as mempool from "mempool";
 *
 * mempool.init(64 * mempool.MEGABYTE, 256);
 * const block = mempool.calloc(10, 8)!;
 * assertEquals(new Float64Array(block)[9], 0);
 * mempool.free(block);
 * mempool.destroy();
 * ```
 *
 * @module
 */

export type { TypedArrayConstructor } from "./src/typed_arrays.ts";
export type { BlockInfo } from "./src/diagnostics/block_list.ts";
export { alloc, attach, calloc, destroy, free, init, realloc } from "./src/default_pool.ts";
export { MemPoolError, type MemPoolErrorCode } from "./src/base/errors.ts";
export type { LeakInfo } from "./src/checked/leaks.ts";
export type { Lease } from "./src/lease.ts";
export type { AllocAsyncOptions, MemPoolHandle, MemPoolOptions } from "./src/options.ts";
export { type Block, MemPool } from "./src/pool.ts";
export { record } from "./src/records/layout.ts";
export type {
  RecordArrays,
  RecordAtomics,
  RecordCursor,
  RecordFields,
  RecordLayout,
  Records,
  RecordType,
} from "./src/records/types.ts";
export type { MemPoolStats } from "./src/diagnostics/stats.ts";
export { GIGABYTE, KILOBYTE, MEGABYTE } from "./src/base/units.ts";
