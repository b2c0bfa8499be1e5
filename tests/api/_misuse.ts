/** Small programs that misuse a pool, one mistake each. The tables of them are in the other files _misuse_*.ts. */

import { assert, assertEquals } from "@std/assert";
import type { MemPool, MemPoolErrorCode } from "mempool";
import { lastingStats, present, warningsOf, withoutStacks } from "../support/pool.ts";

/** The code of a MemPoolError, or the class of the error that refuses an argument. */
export type Kind = MemPoolErrorCode | "TypeError" | "RangeError";

/** An error message, or a function that makes it when it contains the id of the pool. */
export type Message = string | ((pool: MemPool) => string);

/**
 * The mistake, the error that it causes, the message of the error, and the program. The program prepares a pool of 64
 * blocks of 64 bytes and returns the one wrong call.
 */
export type Misuse = readonly [
  mistake: string,
  kind: Kind,
  message: Message,
  program: (pool: MemPool) => () => unknown,
];

/** What messages say of a detached buffer. */
export const MOVED = "it was moved or freed elsewhere, the buffer is detached";

/** Allocates one block, with 10 bytes. The first such block is at offset 0. */
export function allocBlock(pool: MemPool): ArrayBuffer {
  return present(pool.alloc(10));
}

/** Allocates a run of three blocks, with 150 bytes. The first such run is at offset 0. */
export function allocRun(pool: MemPool): ArrayBuffer {
  return present(pool.alloc(150));
}

/** The methods of a pool without their types. */
export function untyped(pool: MemPool): Readonly<Record<string, (...args: unknown[]) => unknown>> {
  return pool as unknown as Readonly<Record<string, (...args: unknown[]) => unknown>>;
}

/** Expects a wrong call to throw exactly this error and to print nothing, and the pool to be as before. */
export async function assertRefusedAsMisuse(
  pool: MemPool,
  wrong: () => unknown,
  kind: Kind,
  message: string,
): Promise<void> {
  await unchanged(pool, async () => {
    const { error, lines } = await observe(wrong);
    assert(error instanceof Error, `nothing was thrown, and ${JSON.stringify(lines)} printed`);
    // An error that comes from another worker keeps its name, its message and its code.
    assertEquals([(error as { code?: unknown }).code ?? error.name, withoutStacks(error.message)], [kind, message]);
    assertEquals(lines, []);
  });
}

/** Expects a wrong call to print exactly one line, here or in the other worker, and the pool to be as before. */
export async function assertWarned(pool: MemPool, wrong: () => unknown, message: string): Promise<void> {
  await unchanged(pool, async () => {
    const { error, lines } = await observe(wrong);
    assertEquals(error, undefined);
    const printed = lines.map((line) => line.map((text) => withoutStacks(String(text))));
    assertEquals(printed, [[`mempool: potential double free. ${message}`]]);
  });
}

async function unchanged(pool: MemPool, act: () => Promise<void>): Promise<void> {
  const isOpen = pool.buffer.byteLength > 0; // neither destroyed nor closed
  const before = isOpen ? lastingStats(pool) : undefined;
  await act();
  if (before === undefined) return;
  assertEquals(lastingStats(pool), before);
  pool.check();
}

/** What a call threw, and the lines that it printed with console.warn. */
interface Observed {
  readonly error?: unknown;
  readonly lines: readonly unknown[][];
}

/** Makes a call. The result of a call in the other worker is the lines that it printed there. */
async function observe(act: () => unknown): Promise<Observed> {
  let call: Promise<unknown> | undefined;
  const here = warningsOf(() => {
    call = Promise.try(act);
  });
  try {
    const there = await call;
    return { lines: Array.isArray(there) ? [...here, ...there as unknown[][]] : here };
  } catch (error) {
    return { error, lines: here };
  }
}
