/** What the tests of checked pools share: buffers that must be detached, memory that must be zero, messages with stacks. */

import { assert, assertEquals, assertInstanceOf, assertMatch, assertThrows } from "@std/assert";
import { type Block, type MemPool, MemPoolError } from "mempool";
import { present, thrownBy } from "../support/pool.ts";

export const CHECKED = { checked: true } as const;

// Functions to be found in stacks. JavaScriptCore drops the frame of a function that ends in `return call()`, which Bun
// also makes of a constant that is only returned.

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

/** A buffer with views on it, as a program may keep them beyond the buffer's end. */
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
  const at = new Uint8Array(pool.buffer, offset, byteLength).findIndex((byte) => byte !== 0);
  assertEquals(at, -1, `the first byte from ${offset} on, of ${byteLength}, that is not zero`);
}

/** A heading, and where the stack below it begins: see `assertInnermost`. */
export type Told = readonly [heading: string, where: string];

/** Reads a message of a checked pool: its first line, then headings and stacks. */
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
export function assertTells(message: string, expectedLine: string, told: readonly Told[]): void {
  const { line, stacks } = readMessage(message);
  assertEquals(line, expectedLine);
  assertEquals(stacks.map(({ heading }) => heading), told.map(([heading]) => heading), message);
  for (const [place, [, where]] of told.entries()) assertInnermost(stacks[place]!.frames, where);
}

/** Expects the innermost frame to be in this function of a test's file; the stack to be this text; or for "", a frame. */
export function assertInnermost(frames: readonly string[], where: string): void {
  const [frame = "no frame at all", ...others] = frames;
  if (where === "") assertMatch(frame, /^    at .*:\d+:\d+\)?$/);
  else if (where.startsWith("(")) assertEquals([frame.trim(), others], [where, []]);
  else assertMatch(frame, new RegExp(`^    at (async )?${where} \\(.*/tests/\\w+/\\w+\\.ts:\\d+:\\d+\\)$`));
}

export const NOT_RECORDED = "(not recorded: there was no room left for stacks)";

/** Expects a double free to be found, and told with the stacks of these three functions of a test's file. */
export function assertDoubleFree(act: () => unknown, offset: number, ...told: readonly [string, string, string]): void {
  const line = `Cannot free block at offset ${offset}: it is already free`;
  assertMisuse(act, line, ["allocated", "first freed", "freed again"].map((heading, place) => [heading, told[place]!]));
}

/** The same for any use of a block that is free. */
export function assertMisuse(act: () => unknown, line: string, told: readonly Told[]): void {
  const error = thrownBy(act);
  assertInstanceOf(error, MemPoolError);
  assertEquals(error.code, "double-free", error.message);
  assertTells(error.message, line, told);
}

/** Expects an error of a pool with this code. */
export function assertCode(act: () => unknown, code: string): void {
  const error = thrownBy(act);
  assert(error instanceof MemPoolError, String(error));
  assertEquals(error.code, code, error.message);
}
