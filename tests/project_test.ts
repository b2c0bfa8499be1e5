import { assertEquals } from "@std/assert";
import { denoJson, packageJson } from "../scripts/_project.ts";
import { test } from "./_harness.ts";

test("project - Deno and Bun have the same tasks", () => {
  assertEquals(Object.keys(denoJson.tasks), Object.keys(packageJson.scripts));
});

test("project - Deno and Bun use the same versions", () => {
  for (const [name, address] of Object.entries(denoJson.imports)) {
    if (address.startsWith("npm:")) assertEquals(address, `npm:${name}@${packageJson.devDependencies[name]}`);
  }
});
