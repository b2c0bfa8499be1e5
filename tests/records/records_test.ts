/** Records in every kind of pool, with compiled accessors. */

import { test } from "../support/harness.ts";
import { inKind } from "../support/pool.ts";
import { CASES, runCase } from "./_access.ts";

for (const name of Object.keys(CASES)) {
  test(`records - ${name}`, () => {
    for (const checked of [false, true]) inKind({ checked }, () => runCase(name, checked));
  });
}
