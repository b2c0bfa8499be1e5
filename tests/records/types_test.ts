/** The types of records: what the compiler refuses, and that what it shows of a field is short. */

import { assertEquals } from "@std/assert";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { onDeno, root } from "../../scripts/_project.ts";
import { skip, test } from "../support/harness.ts";
import { executeTool, inScratch } from "../support/package.ts";

const testOnce = onDeno ? test : skip("the tests on Deno do the same");

/** Compiles a file, and returns what the compiler printed. */
async function compile(folder: string, file: string, options: object): Promise<string> {
  const config = {
    compilerOptions: {
      target: "esnext",
      module: "preserve",
      lib: ["esnext"],
      types: ["bun-types", "deno"],
      skipLibCheck: true,
      strict: true,
      paths: { mempool: [join(root, "mod.ts")] },
      ...options,
    },
    files: [file],
  };
  const path = join(folder, "tsconfig.json");
  writeFileSync(path, JSON.stringify(config));
  return (await executeTool("tsc", ["-p", path], root)).stdout;
}

testOnce(
  "record types - unknown fields, wrong arity and wrong values are errors when compiling",
  () =>
    inScratch(async (folder) => {
      const file = join(root, "tests", "records", "_types.ts");
      assertEquals(await compile(folder, file, { noEmit: true, allowImportingTsExtensions: true }), "");
    }),
);

const SHOWN = `import { MemPool, record } from "mempool";
const Node = record({ next: "ref", big: "i64", tags: ["u8", 16] });
const nodes = MemPool.init(1024, 64).records(Node);
export const { next, tags } = nodes.get;
export const { big: setBig, tags: setTags } = nodes.set;
export const { tags: viewTags } = nodes.view;
export const { big: atomicBig } = nodes.atomics;
export const { offset, type, length } = Node.fields.tags;
export const { ref, big } = nodes.cursor();
`;

const DECLARED = `export declare const next: (ref: number) => number, tags: (ref: number, index: number) => number;
export declare const setBig: (ref: number, value: bigint) => void, setTags: (ref: number, index: number, value: number) => void;
export declare const viewTags: (ref: number) => Uint8Array;
export declare const atomicBig: import("mempool").RecordAtomics<bigint>;
export declare const offset: number, type: "u8", length: number;
export declare const ref: number, big: bigint;
`;

testOnce(
  "record types - an editor shows the type of a field, not how it was computed",
  () =>
    inScratch(async (folder) => {
      const file = join(folder, "shown.ts");
      writeFileSync(file, SHOWN);
      const options = {
        declaration: true,
        emitDeclarationOnly: true,
        outDir: folder,
        rootDir: "/",
        rewriteRelativeImportExtensions: true,
      };
      assertEquals(await compile(folder, file, options), "");
      assertEquals(
        readFileSync(join(folder, file.replace(/\.ts$/, ".d.ts")), "utf8").replaceAll("<ArrayBufferLike>", ""),
        DECLARED,
      );
    }),
);
