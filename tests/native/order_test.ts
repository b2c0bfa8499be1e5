/** The files of the native library call each other in one direction only: the table in native/internal.h is true. */

import { assert, assertEquals } from "@std/assert";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { native, sources } from "../../scripts/_prebuilt.ts";
import { test } from "../support/harness.ts";

interface Row {
  readonly files: readonly string[];
  /** What the last column says: names of rows, or "all below", or "nothing". */
  readonly calls: string;
}

/** The rows of the table, from the top to the bottom. */
function tableRows(): Row[] {
  const header = readFileSync(join(native, "internal.h"), "utf8");
  const rows = header.matchAll(/^ \* {5}(\w+\.c(?:, \w+\.c)*) {2,}\S.*? {2,}(\S.*)$/gm);
  return [...rows].map(([, files, calls]) => ({ files: files!.split(", "), calls: calls! }));
}

const rows = tableRows();

/** The short name of a row in the last column: lock for lock_robust.c and lock_owner.c. */
function shortName({ files }: Row): string {
  return files.length === 1 ? files[0]!.slice(0, -".c".length) : files[0]!.split("_")[0]!;
}

function codeOf(file: string): string {
  const text = readFileSync(join(native, file), "utf8");
  return text.replaceAll(/\/\*.*?\*\//gs, "").replaceAll(/"[^"\n]*"/g, '""');
}

/** The functions and variables of a row that other files can use. */
function definedBy({ files }: Row): string[] {
  const functions = /^(?!static\b)\w[\w *]*?(\w+)\([^;{]*\) \{$/gm;
  const variables = /^(?!static\b|extern\b)\w+ (\w+)(?:\[\w+\])?;$/gm;
  return files.map(codeOf).flatMap((code) =>
    [...code.matchAll(functions), ...code.matchAll(variables)].map((match) => match[1]!)
  );
}

const rowOfName = new Map(rows.flatMap((row) => definedBy(row).map((name) => [name, row] as const)));

/** The other rows whose functions or variables a row uses. */
function usedBy(row: Row): Set<Row> {
  const names = row.files.map(codeOf).flatMap((code) => [...code.matchAll(/\b[a-z]\w*\b/gi)].map(([name]) => name));
  const used = names.map((name) => rowOfName.get(name)).filter((each) => each !== undefined);
  return new Set(used.filter((each) => each !== row));
}

test("order - the table has the files that the library is built from, in the order of the Makefile", () => {
  assertEquals(rows.flatMap(({ files }) => files), [...sources]);
});

test("order - the definitions of the files are found", () => {
  for (const name of ["mempool_lock", "mempool_create", "lock_acquire", "os_reserve", "regions", "region_covers"]) {
    assert(rowOfName.has(name), name);
  }
});

for (const [index, row] of rows.entries()) {
  test(`order - ${row.files.join(" and ")}: uses rows below only, and those that the table names`, () => {
    const below = rows.slice(index + 1);
    const used = usedBy(row);
    assertEquals([...used].filter((each) => !below.includes(each)).map(shortName), []);
    const named = row.calls === "all below" ? below.map(shortName) : row.calls.split(", ");
    const expected = named.filter((name) => name !== "nothing");
    assertEquals([...used].map(shortName).sort(), expected.sort());
  });
}
