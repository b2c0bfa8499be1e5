/**
 * Replaces `@std/assert` on machines that do not reach JSR: the functions that the tests use, with the same names and
 * arguments, on top of `node:assert`. scripts/_std_assert.ts decides when it is used; assert_stand_in_test.ts shows
 * that its assertions fail when they should.
 */

import { AssertionError as NodeAssertionError, deepStrictEqual } from "node:assert";
import { inspect } from "node:util";

/** The error of a failed assertion. */
export class AssertionError extends Error {
  override readonly name: string = "AssertionError";
}

// Not unknown[], because then no constructor with parameters would match.
type AnyConstructor<T> = abstract new (...args: any[]) => T;

export function fail(msg?: string): never {
  throw new AssertionError(msg === undefined ? "Failed assertion." : `Failed assertion: ${msg}`);
}

export function unreachable(msg?: string): never {
  throw new AssertionError(withReason("Unreachable.", msg));
}

export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError(msg);
}

export function assertFalse(expr: unknown, msg = ""): asserts expr is false | 0 | 0n | "" | null | undefined {
  if (expr) throw new AssertionError(msg);
}

export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  const difference = findDifference(actual, expected);
  if (difference !== undefined) throw new AssertionError(withReason(difference, msg));
}

export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  check(findDifference(actual, expected) !== undefined, `Expected values not to be equal: ${inspect(actual)}`, msg);
}

export function assertStrictEquals<T>(actual: unknown, expected: T, msg?: string): asserts actual is T {
  check(Object.is(actual, expected), `Expected ${inspect(actual)} to be strictly equal to ${inspect(expected)}`, msg);
}

export function assertNotStrictEquals<T>(actual: T, expected: T, msg?: string): void {
  check(!Object.is(actual, expected), `Expected values not to be strictly equal: ${inspect(actual)}`, msg);
}

export function assertAlmostEquals(actual: number, expected: number, tolerance?: number, msg?: string): void {
  const allowed = tolerance ?? (Number.isFinite(expected) ? Math.abs(expected * 1e-7) : 1e-7);
  const close = Object.is(actual, expected) || Math.abs(expected - actual) <= allowed;
  check(close, `Expected ${actual} to be close to ${expected} (within ${allowed})`, msg);
}

export function assertExists<T>(actual: T, msg?: string): asserts actual is NonNullable<T> {
  check(actual !== undefined && actual !== null, `Expected ${inspect(actual)} to be neither null nor undefined`, msg);
}

export function assertInstanceOf<T>(actual: unknown, type: AnyConstructor<T>, msg = ""): asserts actual is T {
  check(actual instanceof type, `Expected ${inspect(actual)} to be an instance of ${type.name}`, msg);
}

export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  check(actual > expected, `Expected ${inspect(actual)} > ${inspect(expected)}`, msg);
}

export function assertGreaterOrEqual<T>(actual: T, expected: T, msg?: string): void {
  check(actual >= expected, `Expected ${inspect(actual)} >= ${inspect(expected)}`, msg);
}

export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  check(actual < expected, `Expected ${inspect(actual)} < ${inspect(expected)}`, msg);
}

export function assertLessOrEqual<T>(actual: T, expected: T, msg?: string): void {
  check(actual <= expected, `Expected ${inspect(actual)} <= ${inspect(expected)}`, msg);
}

export function assertMatch(actual: string, expected: RegExp, msg?: string): void {
  check(matches(actual, expected), `Expected ${inspect(actual)} to match ${expected}`, msg);
}

export function assertNotMatch(actual: string, expected: RegExp, msg?: string): void {
  check(!matches(actual, expected), `Expected ${inspect(actual)} not to match ${expected}`, msg);
}

export function assertStringIncludes(actual: string, expected: string, msg?: string): void {
  check(actual.includes(expected), `Expected ${inspect(actual)} to contain ${inspect(expected)}`, msg);
}

export function assertArrayIncludes<T>(actual: ArrayLike<T>, expected: ArrayLike<T>, msg?: string): void {
  const present = Array.from(actual);
  const missing = Array.from(expected).filter((item) => !present.some((other) => !findDifference(other, item)));
  check(missing.length === 0, `Expected ${inspect(actual)} to include ${inspect(missing)}`, msg);
}

export function assertIsError<E extends Error = Error>(
  error: unknown,
  ErrorClass?: AnyConstructor<E>,
  msgMatches?: string | RegExp,
  msg?: string,
): asserts error is E {
  check(error instanceof Error, `Expected ${inspect(error)} to be an Error`, msg);
  const type = ErrorClass ?? Error;
  check(error instanceof type, `Expected error to be ${type.name}, but was ${(error as Error).constructor.name}`, msg);
  const { message } = error as Error;
  if (typeof msgMatches === "string") {
    check(message.includes(msgMatches), `Expected error message to include "${msgMatches}", but got "${message}"`, msg);
  } else if (msgMatches !== undefined) {
    check(matches(message, msgMatches), `Expected error message to match ${msgMatches}, but got "${message}"`, msg);
  }
}

export function assertThrows(fn: () => unknown, msg?: string): unknown;
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ErrorClass: AnyConstructor<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows(
  fn: () => unknown,
  classOrMsg?: AnyConstructor<Error> | string,
  msgIncludes?: string,
  msg?: string,
): unknown {
  const expected = expectation(classOrMsg, msgIncludes, msg);
  try {
    fn();
  } catch (error) {
    return checkedError(error, expected);
  }
  throw new AssertionError(withReason("Expected function to throw.", expected.msg));
}

export function assertRejects(fn: () => PromiseLike<unknown>, msg?: string): Promise<unknown>;
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass: AnyConstructor<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects(
  fn: () => PromiseLike<unknown>,
  classOrMsg?: AnyConstructor<Error> | string,
  msgIncludes?: string,
  msg?: string,
): Promise<unknown> {
  const expected = expectation(classOrMsg, msgIncludes, msg);
  let promise: PromiseLike<unknown>;
  try {
    promise = fn();
  } catch {
    throw new AssertionError(withReason("Function throws when expected to reject.", expected.msg));
  }
  try {
    await promise;
  } catch (error) {
    return checkedError(error, expected);
  }
  throw new AssertionError(withReason("Expected function to reject.", expected.msg));
}

/** What a call of assertThrows or assertRejects expects of the error. */
interface Expectation {
  readonly type: AnyConstructor<Error> | undefined;
  readonly includes: string | undefined;
  readonly msg: string | undefined;
}

/** The second argument is a class or, in its place, a message. */
function expectation(
  classOrMsg: AnyConstructor<Error> | string | undefined,
  includes: string | undefined,
  msg: string | undefined,
): Expectation {
  if (typeof classOrMsg === "string") return { type: undefined, includes: undefined, msg: classOrMsg };
  return { type: classOrMsg, includes, msg };
}

function checkedError(error: unknown, { type, includes, msg }: Expectation): unknown {
  if (type !== undefined) assertIsError(error, type, includes, msg);
  return error;
}

function check(holds: boolean, failure: string, msg: string | undefined): void {
  if (!holds) throw new AssertionError(withReason(failure, msg));
}

function withReason(failure: string, msg: string | undefined): string {
  return msg ? `${failure}: ${msg}` : failure;
}

/** `search`, because `test` with a pattern that has the flag g or y would start where its last use ended. */
function matches(text: string, pattern: RegExp): boolean {
  return text.search(pattern) !== -1;
}

/** Describes how two values differ, compared as `@std/assert` does; undefined if they are equal. */
function findDifference(actual: unknown, expected: unknown): string | undefined {
  try {
    deepStrictEqual(actual, expected);
    return undefined;
  } catch (error) {
    if (!(error instanceof NodeAssertionError)) throw error;
    return error.message;
  }
}
