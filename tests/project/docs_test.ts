/** Runs every example of the documentation, and checks that the commands and links in it exist. */

import { assertArrayIncludes, assertEquals, assertRejects } from "@std/assert";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { denoJson, documents, filesIn, onDeno, root, runtime } from "../../scripts/_project.ts";
import {
  type Example,
  examplesIn,
  examplesInComments,
  isLoadedByAnother,
  leastPermissions,
  runExample,
} from "./_examples.ts";
import { missingLibrary } from "./_system_library.ts";
import { skip, test } from "../support/harness.ts";

for (const document of [...documents(), "CONTRIBUTING.md", "CHANGELOG.md"]) {
  const text = readFileSync(join(root, document), "utf8");
  testExamples(document, examplesIn(text));
  test(`${document} - names only tasks that exist`, () =>
    assertArrayIncludes(Object.keys(denoJson.tasks), tasksIn(text)));
  test(`${document} - its links lead to files and headings that exist`, () =>
    assertEquals(linksIn(text).filter((link) => !leadsSomewhere(document, link)), []));
  test(`${document} - the source files that it names exist`, () =>
    assertEquals(filesNamedIn(text).filter(isMissing), []));
}

// Deno runs these itself, because the test task passes --doc.
if (!onDeno) {
  for (const source of ["mod.ts", ...filesIn("src", ".ts")]) {
    testExamples(source, examplesInComments(readFileSync(join(root, source), "utf8")));
  }
}

function testExamples(document: string, examples: readonly Example[]): void {
  for (const example of examples) {
    if (isLoadedByAnother(example, examples)) continue;
    const permissions = document === "README.md" ? leastPermissions : undefined;
    const missing = missingLibrary(example.code);
    const register = missing === undefined ? test : skip(`${missing} is not installed`);
    register(`${document}:${example.line} - the example runs`, () => runExample(example, examples, permissions));
  }
}

/** The tasks that a text tells its reader to run. */
function tasksIn(text: string): string[] {
  return [...text.matchAll(/\b(?:deno task|bun run|npm run) ([a-z]+)(?![\w/]|\.\w)/g)].map(([, task = ""]) => task);
}

/** The links of a text to places in the project. */
function linksIn(text: string): string[] {
  const prose = text.replaceAll(/^```[\s\S]*?^```/gm, "");
  return [...prose.matchAll(/\]\(([^)]+)\)/g)].map(([, link = ""]) => link).filter((link) => !/^https?:/.test(link));
}

function leadsSomewhere(document: string, link: string): boolean {
  const [path = "", heading] = link.split("#");
  const file = path === "" ? join(root, document) : join(root, document, "..", path);
  if (heading === undefined || !existsSync(file)) return existsSync(file);
  const headings = readFileSync(file, "utf8").matchAll(/^#+ (.*)$/gm);
  return [...headings].some(([, text = ""]) => anchorOf(text) === heading);
}

/** The anchor that GitHub gives a heading. */
function anchorOf(heading: string): string {
  return heading.toLowerCase().replaceAll(/[^\p{L}\p{N}_ -]/gu, "").replaceAll(" ", "-");
}

/** The source files that inline code names, with their folders. */
function filesNamedIn(text: string): string[] {
  return [...text.matchAll(/`((?:[\w-]+\/)+[\w-]+\.(?:ts|c|h))`/g)].map(([, file = ""]) => file);
}

/** Documents name a file from the root, or leave out `src/` or `tests/` where they say so. */
function isMissing(file: string): boolean {
  return !["", "src", "tests"].some((folder) => existsSync(join(root, folder, file)));
}

test("files - a source file that does not exist is found", () => {
  const text = "`pool.ts`, `src/pool.ts`, `region/runs.ts`, `api/free_test.ts`, `src/nowhere.ts`, `native/none.c`";
  assertEquals(filesNamedIn(text).filter(isMissing), ["src/nowhere.ts", "native/none.c"]);
});

test("links - a link to a file or heading that does not exist is found", () => {
  assertEquals(linksIn("[a](b.md#c) and [d](https://e)\n```ts\n[f](g)\n```\n"), ["b.md#c"]);
  const leading = [
    "README.md",
    "guide.md#find-leaks",
    "#what-a-pool-is",
    "../README.md#caveats",
    "nowhere.md",
    "#nowhere",
  ];
  assertEquals(leading.map((link) => leadsSomewhere("docs/guide.md", link)), [false, true, true, true, false, false]);
});

const fenced = (code: string): string => `Text.\n\n\`\`\`ts\n${code}\`\`\`\n`;

async function runAll(markdown: string): Promise<void> {
  const examples = examplesIn(markdown);
  for (const example of examples) await runExample(example, examples);
}

test("examples - an example that fails is noticed", async () => {
  await assertRejects(() => runAll(fenced('throw new Error("on purpose");\n')), Error, "on purpose");
});

test("examples - an example that prints something else is noticed", async () => {
  await runAll(fenced('console.log("a"); // prints a\nconsole.log("b"); // prints b\n'));
  await assertRejects(() => runAll(fenced('console.log("a"); // prints b\n')), Error, "and not");
});

test("examples - standard error is compared with the document, if the document shows it", async () => {
  const program = '// part.ts\nconsole.error(import.meta.url.replace("file://", ""));\n';
  const telling = (told: string): string => `${fenced(program)}\n\`\`\`text part.ts\n${told}\n\`\`\`\n`;
  await runAll(telling("/home/you/part.ts"));
  await assertRejects(() => runAll(telling("/home/you/other.ts")), Error, "and not");
});

test("examples - a named example lies beside those that load it", async () => {
  const examples = examplesIn(
    fenced("// part.ts\nexport const one = 1;\n") + fenced('import { one } from "./part.ts";\n'),
  );
  assertEquals(examples.map((example) => isLoadedByAnother(example, examples)), [true, false]);
  await Promise.all(examples.map((example) => runExample(example, examples)));
});

test("examples - examples marked for other runtimes are skipped", () => {
  const text = "```ts deno\n```\n\n```ts bun\n```\n\n```ts node\n```\n\n```ts deno bun node\n```\n\n```ts\n```\n";
  const own = { Deno: 2, Bun: 5, Node: 8 }[runtime];
  assertEquals(examplesIn(text).map(({ line }) => line), [own, 11, 14]);
});

test("examples - are found in comments, with their line numbers", () => {
  const source = `const a = 1;\n/**\n * Text.\n *\n * \`\`\`ts\n * if (a) {\n *   b();\n * }\n * \`\`\`\n */\n`;
  assertEquals(examplesInComments(source), [{ line: 6, file: "example_6.ts", code: "if (a) {\n  b();\n}\n" }]);
});

test("examples - names of tasks are found in text, names of files are not", () => {
  assertEquals(tasksIn("`npx -y deno task demo`, bun run test, bun run main.ts, npm run ok."), ["demo", "test", "ok"]);
});

test("examples - a library of the system that is not installed is found", () => {
  assertEquals(missingLibrary('dlopen("libmissing.so.1", {\n  call: {'), "libmissing.so.1");
  assertEquals(missingLibrary('import { MemPool } from "../mod.ts";'), undefined);
});
