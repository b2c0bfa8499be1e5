import { assert, assertEquals } from "@std/assert";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { denoJson, filesIn, packageJson, root } from "../../scripts/_project.ts";
import { test } from "../support/harness.ts";

test("project - Deno and Bun have the same tasks", () => {
  const { prepack, ...scripts } = packageJson.scripts;
  assertEquals(prepack, "npx -y bun scripts/dist.ts"); // npm's own hook
  assertEquals(Object.keys(denoJson.tasks), Object.keys(scripts));
});

test("project - Deno and Bun use the same versions of packages", () => {
  for (const [name, address] of Object.entries(denoJson.imports)) {
    if (address.startsWith("npm:")) assertEquals(address, `npm:${name}@${packageJson.devDependencies[name]}`);
  }
});

test("project - both registries and the changelog have the same version", () => {
  assertEquals(denoJson.version, packageJson.version);
  const versions = [...readFileSync(join(root, "CHANGELOG.md"), "utf8").matchAll(/^## \[(\d[^\]]*)\]/gm)];
  if (versions.length > 0) assertEquals(versions[0]?.[1], packageJson.version);
});

/** A field with neither an initializer nor `declare`, which starts as undefined: see src/cache/block_cache.ts. */
const STARTS_UNDEFINED = /^ {2}(?:(?:private|public|protected|readonly) )*\w+\??: [^=\n]*;$/gm;

test("project - in a file that declares fields, every field without an initializer is declared", () => {
  const sources = filesIn("src", ".ts").map((file) => [file, readFileSync(join(root, file), "utf8")] as const);
  const declaring = sources.filter(([, source]) => source.includes("  declare private "));
  assert(declaring.some(([file]) => file.endsWith("cache.ts")));
  for (const [file, source] of declaring) {
    const classes = [...source.matchAll(/^(?:export )?class .*?^}/gms)].join("\n");
    assertEquals([...classes.matchAll(STARTS_UNDEFINED)].map(([field]) => `${file}: ${field.trim()}`), []);
  }
});
