/**
 * The program of inlining_test.ts, for runtimes on V8 with the flags that the test names. It makes V8 compile the methods
 * and the loops below, and V8 prints what it inlines.
 *
 * The methods are compiled before the loops that call them, and after a pool was filled. That is the hardest case: what
 * is compiled counts with all that was inlined into it, and is inlined as a whole or not at all.
 */

import { MemPool } from "mempool";

type Compile = (call: unknown) => void;

// TypeScript does not know this syntax.
const prepare = new Function("call", "%PrepareFunctionForOptimization(call)") as Compile;
const compile = new Function("call", "%OptimizeFunctionOnNextCall(call)") as Compile;

const BYTES = 200;
/** More than there are views of, so that both ways to read a buffer's length have run. */
const LIVE = 3000;

const buffers: ArrayBuffer[] = [];
const offsets: number[] = [];

function fillWithBuffers(pool: MemPool): void {
  for (let at = 0; at < LIVE; at++) buffers[at] = pool.alloc(BYTES)!;
}

function freeBuffers(pool: MemPool): void {
  for (const buffer of buffers) pool.free(buffer);
}

function fillWithOffsets(pool: MemPool): void {
  for (let at = 0; at < LIVE; at++) offsets[at] = pool.allocOffset(BYTES);
}

function freeOffsets(pool: MemPool): void {
  for (const offset of offsets) pool.freeOffset(offset);
}

function replaceOffsets(pool: MemPool): void {
  for (let at = 0; at < LIVE; at++) pool.freeOffset(pool.allocOffset(BYTES));
}

const { alloc, free, allocOffset, freeOffset } = MemPool.prototype;
const methods = [alloc, free, allocOffset, freeOffset];
const steps = [fillWithBuffers, freeBuffers, fillWithOffsets, freeOffsets, replaceOffsets];

using pool = MemPool.init(2 * LIVE * 256, 256);
for (const call of [...methods, ...steps]) prepare(call);
for (const step of steps) step(pool);
// Twice, because the first code of a method may be given up at its first call.
for (const call of [...methods, ...methods, ...steps]) {
  compile(call);
  for (const step of steps) step(pool);
}
