/** Each function of the stand-in for `@std/assert` passes and fails as the original does. */

import { rejects, strictEqual, throws } from "node:assert";
import * as standIn from "../support/assert.ts";
import { test } from "../support/harness.ts";

const { AssertionError } = standIn;

/**
 * Registers a test that `passing` throws nothing, and a test for each of `failing` that it throws an AssertionError.
 */
function shows(name: string, passing: () => void, ...failing: (() => void)[]): void {
  test(`stand-in ${name} - passes if the assertion holds`, passing);
  failing.forEach((body, i) =>
    test(`stand-in ${name} - fails if the assertion does not hold, case ${i + 1}`, () => throws(body, AssertionError))
  );
}

shows("assert", () => standIn.assert(1), () => standIn.assert(0), () => standIn.assert(undefined));
shows("assertFalse", () => standIn.assertFalse(0), () => standIn.assertFalse(1));
shows(
  "assertEquals",
  () => {
    standIn.assertEquals({ a: [1, new Uint8Array([2])] }, { a: [1, new Uint8Array([2])] });
    standIn.assertEquals(new Map([[1, new Set([2])]]), new Map([[1, new Set([2])]]));
    standIn.assertEquals(NaN, NaN);
  },
  () => standIn.assertEquals(1, 2),
  () => standIn.assertEquals<unknown>(1, "1"),
  () => standIn.assertEquals([1, 2], [1, 3]),
  () => standIn.assertEquals<unknown>({ a: 1 }, { a: 1, b: 2 }),
  () => standIn.assertEquals<unknown>(new Uint8Array([1]), [1]),
  () => standIn.assertEquals<unknown>(null, undefined),
);
shows("assertNotEquals", () => standIn.assertNotEquals([1], [2]), () => standIn.assertNotEquals([1], [1]));
shows(
  "assertStrictEquals",
  () => standIn.assertStrictEquals(NaN, NaN),
  () => standIn.assertStrictEquals([1], [1]),
  () => standIn.assertStrictEquals(0, -0),
);
shows(
  "assertNotStrictEquals",
  () => standIn.assertNotStrictEquals([1], [1]),
  () => standIn.assertNotStrictEquals("a", "a"),
);
shows(
  "assertAlmostEquals",
  () => {
    standIn.assertAlmostEquals(0.1 + 0.2, 0.3);
    standIn.assertAlmostEquals(10, 11, 1);
  },
  () => standIn.assertAlmostEquals(0.1, 0.2),
  () => standIn.assertAlmostEquals(10, 12, 1),
  () => standIn.assertAlmostEquals(NaN, 1),
);
shows(
  "assertExists",
  () => standIn.assertExists(0),
  () => standIn.assertExists(null),
  () => standIn.assertExists(undefined),
);
shows(
  "assertInstanceOf",
  () => standIn.assertInstanceOf(new RangeError(), Error),
  () => standIn.assertInstanceOf(new Error(), RangeError),
  () => standIn.assertInstanceOf(null, Object),
);
shows("assertGreater", () => standIn.assertGreater(2, 1), () => standIn.assertGreater(1, 1));
shows("assertGreaterOrEqual", () => standIn.assertGreaterOrEqual(1, 1), () => standIn.assertGreaterOrEqual(0, 1));
shows("assertLess", () => standIn.assertLess(1, 2), () => standIn.assertLess(1, 1), () => standIn.assertLess(NaN, 1));
shows("assertLessOrEqual", () => standIn.assertLessOrEqual(1, 1), () => standIn.assertLessOrEqual(2, 1));
shows("assertMatch", () => standIn.assertMatch("abc", /b/g), () => standIn.assertMatch("abc", /d/));
shows("assertNotMatch", () => standIn.assertNotMatch("abc", /d/), () => standIn.assertNotMatch("abc", /b/));
shows(
  "assertStringIncludes",
  () => standIn.assertStringIncludes("abc", "bc"),
  () => standIn.assertStringIncludes("abc", "ac"),
);
shows(
  "assertArrayIncludes",
  () => standIn.assertArrayIncludes([{ a: 1 }, { a: 2 }], [{ a: 2 }]),
  () => standIn.assertArrayIncludes([1, 2], [2, 3]),
);
shows("fail", () => {}, () => standIn.fail(), () => standIn.fail("why"));
shows("unreachable", () => {}, () => standIn.unreachable());

const throwing = (error: unknown) => () => {
  throw error;
};

shows(
  "assertIsError",
  () => standIn.assertIsError(new RangeError("too big"), RangeError, /big$/),
  () => standIn.assertIsError("too big"),
  () => standIn.assertIsError(new Error("too big"), RangeError),
  () => standIn.assertIsError(new Error("too big"), Error, "small"),
  () => standIn.assertIsError(new Error("too big"), Error, /^big/),
);
shows(
  "assertThrows",
  () => {
    const error = new RangeError("too big");
    strictEqual(standIn.assertThrows(throwing(error), RangeError, "big"), error);
    strictEqual(standIn.assertThrows(throwing("a string")), "a string");
  },
  () => standIn.assertThrows(() => {}),
  () => standIn.assertThrows(() => {}, Error),
  () => standIn.assertThrows(throwing(new Error("too big")), RangeError),
  () => standIn.assertThrows(throwing(new Error("too big")), Error, "small"),
  () => standIn.assertThrows(throwing("a string"), Error),
);

test("stand-in assertRejects - passes if the assertion holds", async () => {
  const error = new RangeError("too big");
  strictEqual(await standIn.assertRejects(() => Promise.reject(error), RangeError, "big"), error);
  strictEqual(await standIn.assertRejects(() => Promise.reject(error)), error);
});

test("stand-in assertRejects - fails if the assertion does not hold", async () => {
  const reject = () => Promise.reject(new Error("too big"));
  await rejects(standIn.assertRejects(() => Promise.resolve()), AssertionError);
  await rejects(standIn.assertRejects(reject, RangeError), AssertionError);
  await rejects(standIn.assertRejects(reject, Error, "small"), AssertionError);
  await rejects(standIn.assertRejects(throwing(new Error("not a promise"))), AssertionError);
});

test("stand-in - the error contains the caller's message", () => {
  throws(() => standIn.assertEquals(1, 2, "my message"), /my message/);
  throws(() => standIn.assert(false, "my message"), /my message/);
  throws(() => standIn.assertThrows(() => {}, "my message"), /my message/);
});
