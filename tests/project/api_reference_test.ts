/** The API reference that the docs task makes: it documents every public symbol, and the tool reports no problem. */

import { assert, assertArrayIncludes, assertEquals } from "@std/assert";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { entries, onDeno, root, toolCommand } from "../../scripts/_project.ts";
import { test } from "../support/harness.ts";
import { execute, executeTool, inScratch, type Output } from "../support/package.ts";

/** A symbol or a member of one in the output of `deno doc --json`. */
interface Symbol {
  readonly name: string;
  readonly jsDoc?: { readonly doc?: string };
  readonly isStatic?: boolean;
}

interface Declaration extends Symbol {
  /** Path of the module that exports the symbol, for example `mod.ts`. */
  readonly entry: string;
  readonly kind: string;
  readonly def: { readonly properties?: readonly Symbol[]; readonly methods?: readonly Symbol[] };
}

interface Json {
  readonly nodes: Readonly<
    Record<string, { readonly symbols: readonly { name: string; declarations: Declaration[] }[] }>
  >;
}

/**
 * An environment with an empty cache and an unreachable proxy, in which every use of the network fails or is reported.
 */
function offline(folder: string): Readonly<Record<string, string>> {
  const unreachable = "http://127.0.0.1:9";
  return { DENO_DIR: join(folder, "cache"), HTTP_PROXY: unreachable, HTTPS_PROXY: unreachable, NO_COLOR: "1" };
}

/** Lets the task write into an empty folder, and passes that folder to `use`. */
function withReference(use: (folder: string, output: Output) => void | Promise<void>): () => Promise<void> {
  return () =>
    inScratch(async (folder) => {
      toolCommand("deno"); // from here on, it is installed
      const pages = join(folder, "api");
      const args = [join(root, "scripts", "docs.ts"), pages];
      const runtime = onDeno ? ["run", "--quiet", "--allow-all"] : [];
      await use(pages, await execute(process.execPath, [...runtime, ...args], root, offline(folder)));
    });
}

async function symbolsOf(entry: string): Promise<Declaration[]> {
  const { stdout } = await executeTool("deno", ["doc", "--json", entry], root);
  const { nodes } = JSON.parse(stdout) as Json;
  const symbols = Object.values(nodes).flatMap((node) => node.symbols);
  return symbols.flatMap(({ name, declarations }) => declarations.map((each) => ({ ...each, name, entry })));
}

test(
  "reference - is made without a network and without a warning",
  withReference((_folder, { stdout, stderr }) => {
    assertEquals(stdout, "");
    assert(/^Written \d+ files to \S+\n$/.test(stderr), stderr);
  }),
);

test(
  "reference - has a page with the documentation of every symbol and every member",
  withReference(async (folder) => {
    for (const entry of entries().values()) {
      const pages = join(folder, entries().size > 1 ? entry : "", "~");
      const declared = await symbolsOf(entry);
      assertArrayIncludes(declared.map(({ name }) => name), await exportedBy(entry));
      for (const declaration of declared) {
        assertDocumented(pages, declaration.name, declaration);
        for (const [page, member] of membersOf(declaration)) assertDocumented(pages, page, member);
      }
    }
  }),
);

test(
  "reference - links to the sources without a path of this machine",
  withReference((folder) => {
    const pages = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".html"));
    const texts = pages.map((name) => readFileSync(join(folder, name), "utf8"));
    assert(texts.some((text) => /href="[^"]*src&#x2F;pool\.ts"/.test(text)));
    for (const text of texts) assert(!text.includes('href="file:'));
    for (const text of texts) {
      assert(
        !/from &quot;[^&]*mod\.ts&quot;/.test(text),
        "a page imports the package by a file name",
      );
    }
  }),
);

/**
 * The names that a module exports according to its text. The values among them are compared with those that the runtime
 * sees.
 */
async function exportedBy(entry: string): Promise<string[]> {
  const lists = [...readFileSync(join(root, entry), "utf8").matchAll(/^export (?:type )?\{([^}]*)\}/gm)];
  const named = lists.flatMap(([, list = ""]) => list.split(",").map((name) => name.replace(/\btype\b/, "").trim()));
  assertArrayIncludes(named, Object.keys(await import(pathToFileURL(join(root, entry)).href)));
  return named.filter((name) => name !== "");
}

/** The members of a symbol, each with the name of its page. Members such as `[Symbol.dispose]` have no page. */
function membersOf({ name, kind, def }: Declaration): [string, Symbol][] {
  const members = [...def.properties ?? [], ...def.methods ?? []].filter((each) => !each.name.startsWith("["));
  return members.map((member) => {
    const place = kind === "class" && member.isStatic !== true ? `${name}.prototype` : name;
    return [`${place}.${member.name}`, member];
  });
}

function assertDocumented(pages: string, page: string, { jsDoc }: Symbol): void {
  const [sentence = ""] = plain(jsDoc?.doc ?? "").split(/[.:] /);
  assert(sentence.length > 0, `${page} has no documentation`);
  const text = plain(readFileSync(join(pages, `${page}.html`), "utf8"));
  assert(text.includes(sentence), `The page of ${page} lacks: ${sentence}`);
}

/** Markdown or HTML as a reader sees it. */
function plain(text: string): string {
  const words = text.replaceAll(/<[^>]*>/g, "").replaceAll(/[`_*]/g, "").replaceAll(/\{@linkcode ([^}]*)\}/g, "$1");
  const signs: Record<string, string> = { quot: '"', "#39": "'", "#x27": "'", lt: "<", gt: ">", amp: "&" };
  return words.replaceAll(/&(#?\w+);/g, (sign, name) => signs[name] ?? sign).replaceAll(/\s+/g, " ").trim();
}
