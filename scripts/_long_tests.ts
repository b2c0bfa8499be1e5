/** Which tests have a long form. They take their numbers from tests/support/effort.ts. */

import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { filesIn, root } from "./_project.ts";

/** The test files that use effort.ts, or import a helper in their own folder that does. */
export function testsWithLongForm(): string[] {
  return filesIn("tests", "_test.ts").filter((test) => [test, ...helpersOf(test)].some(usesEffort));
}

function helpersOf(test: string): string[] {
  const imports = [...read(test).matchAll(/from "\.\/(\w+\.ts)"/g)].map(([, name = ""]) => name);
  return imports.map((name) => `${dirname(test)}/${name}`).filter((file) => existsSync(join(root, file)));
}

function usesEffort(file: string): boolean {
  return read(file).includes('/support/effort.ts"');
}

function read(file: string): string {
  return readFileSync(join(root, file), "utf8");
}
