/** Programs that misuse a pool, one misuse each: what the tables of tests/_misuse_*.ts are made of. */

import { assert, assertEquals } from "@std/assert";
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
  const isUsable = pool.buffer.byteLength > 0; // neither destroyed nor closed
  const before = isUsable ? lastingStats(pool) : undefined;
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
