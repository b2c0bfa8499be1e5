/** The checks that a slow path makes before it believes words of a region. */

import { assertEquals } from "@std/assert";
import { HIGH_WATER, HIGH_WATER_INVERTED } from "../../src/region/layout.ts";
import { setHighWater, validHighWater } from "../../src/region/validate.ts";
import { test } from "../support/harness.ts";
import { plainHeader, plainRegion, take } from "../support/plain.ts";
import { assertRefused } from "../support/pool.ts";

test("setHighWater - validHighWater returns what was stored", () => {
  const header = plainHeader(8);
  assertEquals(validHighWater(header), 0, "of a new region");
  for (const highWater of [1, 8, 0, 2 ** 28]) {
    setHighWater(header, highWater);
    assertEquals(validHighWater(header), highWater);
  }
});

test("validHighWater - any flipped bit of either word throws corrupt", () => {
  const header = plainHeader(8);
  setHighWater(header, 5);
  for (const word of [HIGH_WATER, HIGH_WATER_INVERTED]) {
    for (let bit = 0; bit < 32; bit++) {
      header[word]! ^= 1 << bit;
      const message = `The pool is corrupt (invariant I9): high water ${
        header[HIGH_WATER]
      } does not match its complement`;
      assertRefused(() => validHighWater(header), "corrupt", message);
      header[word]! ^= 1 << bit;
    }
  }
  assertEquals(validHighWater(header), 5);
});

test("high water - with a flipped bit, no block is handed out and high water stays as it is", () => {
  const region = plainRegion(8);
  take(region, 2);
  region.header[HIGH_WATER]! ^= 1;
  const message = "The pool is corrupt (invariant I9): high water 3 does not match its complement";
  assertRefused(() => take(region, 1), "corrupt", message);
  assertEquals([region.header[HIGH_WATER], ~region.header[HIGH_WATER_INVERTED]!], [3, 2]);
});
