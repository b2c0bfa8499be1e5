/**
 * The workflows cannot run here. These tests check that they are valid, and that the tasks and files they name exist.
 */

import { assert, assertArrayIncludes, assertEquals } from "@std/assert";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { denoJson, filesIn, root } from "../../scripts/_project.ts";
import { skip, test } from "../support/harness.ts";

interface Step {
  readonly uses?: string;
  readonly run?: string;
}

interface Job {
  readonly "runs-on": string;
  readonly "timeout-minutes": number;
  readonly steps: readonly Step[];
}

interface Workflow {
  readonly name: string;
  readonly permissions: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, Job>>;
}

const { Bun: bun } = globalThis as { Bun?: { YAML: { parse(text: string): unknown } } };

const workflows = filesIn(".github/workflows", ".yml");

test("workflows - name only tasks that exist", () => {
  assertEquals(workflows, [".github/workflows/ci.yml", ".github/workflows/publish.yml"]);
  for (const file of workflows) {
    const text = readFileSync(join(root, file), "utf8");
    const tasks = [...text.matchAll(/\b(?:deno task|bun run) ([a-z]+)/g)].map(([, task = ""]) => task);
    assertArrayIncludes(Object.keys(denoJson.tasks), tasks);
  }
});

for (const file of workflows) {
  (bun === undefined ? skip("only Bun has a YAML parser") : test)(`${file} - is well-formed`, () => {
    const workflow = bun!.YAML.parse(readFileSync(join(root, file), "utf8")) as Workflow;
    // A permission that is not listed is denied.
    assertEquals(workflow.permissions, { contents: "read" });
    for (const job of Object.values(workflow.jobs)) assertWellFormed(job);
  });
}

function assertWellFormed(job: Job): void {
  assert(job["runs-on"].length > 0);
  assert(job["timeout-minutes"] <= 60);
  for (const { uses, run } of job.steps) {
    assert((uses === undefined) !== (run === undefined), `${uses} and ${run}`);
    if (uses !== undefined) assert(/^actions\/[\w-]+@v\d+$/.test(uses), uses);
    if (run?.startsWith(".ci/")) assert(existsSync(join(root, run)), run);
  }
}
