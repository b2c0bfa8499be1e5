import { assertEquals } from "@std/assert";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { denoJson, packageJson, root } from "../scripts/_project.ts";
import { test } from "./_harness.ts";

test("project - Deno and Bun have the same tasks", () => {
  const { prepack, ...scripts } = packageJson.scripts;
  assertEquals(prepack, "npx -y bun scripts/dist.ts"); // npm's own hook
  assertEquals(Object.keys(denoJson.tasks), Object.keys(scripts));
});

test("project - Deno and Bun use the same versions", () => {
  for (const [name, address] of Object.entries(denoJson.imports)) {
    if (address.startsWith("npm:")) assertEquals(address, `npm:${name}@${packageJson.devDependencies[name]}`);
  }
});

test("project - one version, in the packages of both registries and in the changelog", () => {
  assertEquals(denoJson.version, packageJson.version);
  const versions = [...readFileSync(join(root, "CHANGELOG.md"), "utf8").matchAll(/^## \[(\d[^\]]*)\]/gm)];
  if (versions.length > 0) assertEquals(versions[0]?.[1], packageJson.version);
});
