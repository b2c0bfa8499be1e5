/** Programs that misuse a pool, one misuse each: what the tables of tests/_misuse_*.ts are made of. */

import { assertEquals, assertInstanceOf } from "@std/assert";
import type { MemPool, MemPoolErrorCode } from "mempool";
import { lastingStats, present, warningsOf, withoutStacks } from "../support/pool.ts";

/** The code of a MemPoolError, or the class of an error in the arguments. */
export type Kind = MemPoolErrorCode | "TypeError" | "RangeError";

/** A message, or where it names what differs from run to run, how it is made. */
export type Message = string | ((pool: MemPool) => string);

/**
 * What the program does wrong, the error that it gets, its message, and the program: it makes everything ready on a pool
 * of 64 blocks of 64 bytes and returns the one call that is wrong.
 */
export type Misuse = readonly [wrong: string, kind: Kind, message: Message, program: (pool: MemPool) => () => unknown];

/** A block of 10 bytes; the first one is at offset 0. */
export function one(pool: MemPool): ArrayBuffer {
  return present(pool.alloc(10));
}

/** A run of three blocks; the first one is at offset 0. */
export function run(pool: MemPool): ArrayBuffer {
  return present(pool.alloc(150));
}

/** A pool as a caller sees it whom no type checker stops. */
export function untyped(pool: MemPool): Readonly<Record<string, (...args: unknown[]) => unknown>> {
  return pool as unknown as Readonly<Record<string, (...args: unknown[]) => unknown>>;
}

/** Expects a wrong call to be refused with exactly this error and nothing printed, and the pool to be as before. */
export async function assertRefusedAsMisuse(
  pool: MemPool,
  wrong: () => unknown,
  kind: Kind,
  message: string,
): Promise<void> {
  await unchanged(pool, async () => {
    const error = await errorOf(wrong);
    assertInstanceOf(error, Error);
    // Of an error that comes from another worker the name and the code are left.
    assertEquals([(error as { code?: unknown }).code ?? error.name, withoutStacks(error.message)], [kind, message]);
  });
}

/** Expects a wrong call to be a line on the console, here or in the other worker, and the pool to be as before. */
export async function assertWarned(pool: MemPool, wrong: () => unknown, message: string): Promise<void> {
  await unchanged(pool, async () => {
    const lines = (await linesOf(wrong)).map((line) => line.map((text) => withoutStacks(String(text))));
    assertEquals(lines, [[`mempool: potential double free. ${message}`]]);
  });
}

async function unchanged(pool: MemPool, act: () => Promise<void>): Promise<void> {
  const isUsable = pool.buffer.byteLength > 0; // neither destroyed nor closed
  const before = isUsable ? lastingStats(pool) : undefined;
  await act();
  if (before === undefined) return;
  assertEquals(lastingStats(pool), before);
  pool.check();
}

async function errorOf(act: () => unknown): Promise<unknown> {
  let lines: unknown[][];
  try {
    lines = await linesOf(act);
  } catch (error) {
    return error;
  }
  throw new Error(`Nothing was thrown, and so much printed: ${JSON.stringify(lines)}`);
}

/** What is printed with console.warn; a call in the other worker gives what it has printed there. */
async function linesOf(act: () => unknown): Promise<unknown[][]> {
  let result: unknown;
  const here = warningsOf(() => result = act());
  const there = await result;
  return Array.isArray(there) ? [...here, ...there as unknown[][]] : here;
}
