/** Helpers for tests of checked pools: assertions on detached buffers, on zeroed memory and on messages with stacks. */

import { assert, assertEquals, assertInstanceOf, assertMatch, assertThrows } from "@std/assert";
import { type Block, type MemPool, MemPoolError } from "mempool";
import { present, thrownBy } from "../support/pool.ts";

export const CHECKED = { checked: true } as const;

// The tests find these functions in stacks by name. JavaScriptCore drops the frame of a function that ends in a tail
// call, and Bun also makes a tail call of a constant that is only returned. Therefore the pool's call is never the last
// one.

export function allocateHere(pool: MemPool, bytes = 50): ArrayBuffer {
  const block = present(pool.alloc(bytes));
  return block;
}

export function allocateElsewhere(pool: MemPool, bytes = 50): ArrayBuffer {
  const block = present(pool.alloc(bytes));
  return block;
}

export function allocateOffsetHere(pool: MemPool): number {
  const offset = pool.allocOffset(50);
  assert(offset >= 0);
  return offset;
}

export function freeHere(pool: MemPool, block: Block): void {
  pool.free(block);
}

export function freeManyHere(pool: MemPool, ...blocks: Block[]): void {
  pool.freeMany(blocks);
}

export function freeOffsetHere(pool: MemPool, offset: number): void {
  pool.freeOffset(offset);
}

export function reallocHere(pool: MemPool, block: Block, bytes: number): ArrayBuffer {
  const resized = present(pool.realloc(block, bytes));
  return resized;
}

/** A buffer with views on it, which a program may keep after the allocation has ended. */
export class Kept {
  readonly buffer: ArrayBuffer;
  readonly #arrays: readonly (Uint8Array | Float64Array | Int16Array)[];
  readonly #data: DataView;

  constructor(buffer: ArrayBuffer) {
    this.buffer = buffer;
    const bytes = new Uint8Array(buffer);
    this.#arrays = [bytes, bytes.subarray(3), new Int16Array(buffer, 2, 1), new Float64Array(buffer, 0, 1)];
    this.#data = new DataView(buffer, 1);
  }

  assertDetached(): void {
    assertEquals([this.buffer.detached, this.buffer.byteLength], [true, 0]);
    for (const view of this.#arrays) {
      assertEquals([view.length, view.byteLength, view.byteOffset, view[0]], [0, 0, 0, undefined]);
    }
    assertThrows(() => this.#data.getInt8(0), TypeError);
    assertThrows(() => this.#data.byteLength, TypeError);
  }

  assertAttached(byteLength: number): void {
    assertEquals([this.buffer.detached, this.buffer.byteLength, this.#arrays[0]!.length], [
      false,
      byteLength,
      byteLength,
    ]);
  }
}

/** Expects bytes of the data area to be zero. */
export function assertZero(pool: MemPool, offset: number, byteLength: number): void {
  const index = new Uint8Array(pool.buffer, offset, byteLength).findIndex((byte) => byte !== 0);
  assertEquals(index, -1, `index of the first byte that is not zero in ${byteLength} bytes at offset ${offset}`);
}

/** A heading, and the innermost frame of the stack below it as `assertInnermost` describes it. */
export type ExpectedStack = readonly [heading: string, where: string];

/** Splits a message of a checked pool into its first line and the stacks with their headings. */
function readMessage(message: string): { line: string; stacks: { heading: string; frames: string[] }[] } {
  const [line = "", ...rest] = message.split("\n");
  const stacks: { heading: string; frames: string[] }[] = [];
  for (const text of rest) {
    if (text.startsWith("    ")) stacks.at(-1)!.frames.push(text);
    else stacks.push({ heading: text, frames: [] });
  }
  return { line, stacks };
}

/** Expects this first line, and exactly these stacks in this order. */
export function assertMessage(message: string, expectedLine: string, expected: readonly ExpectedStack[]): void {
  const { line, stacks } = readMessage(message);
  assertEquals(line, expectedLine);
  assertEquals(stacks.map(({ heading }) => heading), expected.map(([heading]) => heading), message);
  for (const [index, [, where]] of expected.entries()) assertInnermost(stacks[index]!.frames, where);
}

/**
 * Expects the innermost frame to be in the function `where` of a test file. If `where` is empty, any frame will do. If
 * it begins with a parenthesis, the stack must be exactly this text.
 */
export function assertInnermost(frames: readonly string[], where: string): void {
  const [frame = "no frame at all", ...others] = frames;
  if (where === "") assertMatch(frame, /^    at .*:\d+:\d+\)?$/);
  else if (where.startsWith("(")) assertEquals([frame.trim(), others], [where, []]);
  else assertMatch(frame, new RegExp(`^    at (async )?${where} \\(.*/tests/\\w+/\\w+\\.ts:\\d+:\\d+\\)$`));
}

export const NOT_RECORDED = "(not recorded: there was no room left for stacks)";

/**
 * Expects a double free whose message has three stacks. `where` names the functions that allocated the block, freed it
 * first and freed it again.
 */
export function assertDoubleFree(
  act: () => unknown,
  offset: number,
  ...where: readonly [string, string, string]
): void {
  const line = `Cannot free block at offset ${offset}: it is already free`;
  assertMisuse(
    act,
    line,
    ["allocated", "first freed", "freed again"].map((heading, index) => [heading, where[index]!]),
  );
}

/** Expects the error of any use of a free block, with this first line and these stacks. */
export function assertMisuse(act: () => unknown, line: string, stacks: readonly ExpectedStack[]): void {
  const error = thrownBy(act);
  assertInstanceOf(error, MemPoolError);
  assertEquals(error.code, "double-free", error.message);
  assertMessage(error.message, line, stacks);
}

/** Expects a MemPoolError with this code. */
export function assertCode(act: () => unknown, code: string): void {
  const error = thrownBy(act);
  assert(error instanceof MemPoolError, String(error));
  assertEquals(error.code, code, error.message);
}
