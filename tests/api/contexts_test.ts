/**
 * Blocks in other contexts of one thread, as test runners such as Jest make them: there, the global constructors are
 * others, and `instanceof ArrayBuffer` is false for a block. And the library in such a context, which may offer little.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { MemPool, MemPoolError, type MemPoolOptions } from "mempool";
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createContext, runInContext } from "node:vm";
import { onDeno, root, toolCommand } from "../../scripts/_project.ts";
import { newName, open, usedEntries } from "../open/_open.ts";
import { denoTest, test } from "../support/harness.ts";
import { assertMarked, assertOneFreeRun, makePool, mark, present, thrownBy, withPool } from "../support/pool.ts";
import type { Library } from "../support/project_copy.ts";

/** Runs code in a new context that has `pool` as a global, and returns its last value. */
function runElsewhere(pool: MemPool, code: string): unknown {
  return runInContext(code, createContext({ pool }));
}

test(
  "contexts - code in another context allocates, resizes, names and frees blocks and views on them",
  withPool((pool) => {
    const seen = runElsewhere(
      pool,
      `
      const block = pool.alloc(50);
      const bytes = new Uint8Array(block).fill(7);
      const isOurs = block instanceof ArrayBuffer;
      const offset = pool.offsetOf(bytes);
      const longer = pool.realloc(bytes, 100);
      const kept = new Uint8Array(longer)[49];
      const others = pool.allocMany(2, 10);
      const length = longer.byteLength;
      pool.freeMany([new DataView(others[0]), others[1]]);
      pool.free(new Float32Array(longer, 0, 3));
      [isOurs, offset, length, kept, pool.owns(longer)].join();
      `,
    );
    assertEquals(seen, "false,0,100,7,false");
    assertOneFreeRun(pool);
  }),
);

test(
  "contexts - a buffer of another context is a foreign block, whatever its constructor",
  withPool((pool) => {
    for (const code of ["new ArrayBuffer(64)", "new Uint8Array(64)", "new DataView(new ArrayBuffer(64))"]) {
      const buffer = runElsewhere(pool, code) as ArrayBuffer;
      assertEquals(pool.owns(buffer), false);
      assertEquals(assertThrows(() => pool.free(buffer), MemPoolError).code, "foreign-block");
    }
  }),
);

test("contexts - a block that another context moved is known by its memory", () => {
  using pool = makePool();
  const block = pool.alloc(40)!;
  const context = createContext({ block });
  const moved = runInContext("block.transfer()", context) as ArrayBuffer;
  assertEquals(pool.offsetOf(moved), 0);
  pool.free(moved);
  assertOneFreeRun(pool);
});

test("contexts - errors are those of the context of the library", () => {
  using pool = makePool();
  const thrown = runElsewhere(pool, "try { pool.alloc('1'); } catch (error) { error; }");
  assertEquals([thrown instanceof TypeError, (thrown as Error).name], [true, "TypeError"]);
});

// ---- the library in a context ----

let bundled: string | undefined;

/** The library as one CommonJS module. */
function bundle(): string {
  if (bundled !== undefined) return bundled;
  const [esbuild, ...firstArgs] = toolCommand("esbuild");
  const args = [join(root, "mod.ts"), "--bundle", "--platform=node", "--format=cjs", "--log-level=error"];
  const { status, stdout, stderr } = spawnSync(esbuild, [...firstArgs, ...args], {
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  if (status !== 0) throw new Error(`esbuild: ${stderr}`);
  return bundled = stdout;
}

/** Evaluates the library in a new context that has only these globals, besides the language's own. */
function evaluateIn(globals: object): Library {
  const module = { exports: {} };
  const require = createRequire(import.meta.url);
  runInContext(bundle(), createContext({ require, module, ...globals }));
  return module.exports as Library;
}

/** Deno is called through its global object. The other runtimes' functions are in modules. */
const needed = onDeno ? { Deno } : {};

const { addEventListener } = globalThis as { addEventListener?: unknown }; // Node has none

const OFFERED: Readonly<Record<string, object>> = {
  "nothing else": {},
  "what test runners offer": { console, performance, queueMicrotask, TextDecoder, TextEncoder, addEventListener },
  ...(onDeno ? {} : { "a Deno that is none, as shims do": { Deno: {} } }),
};

for (const [what, globals] of Object.entries(OFFERED)) {
  for (const checked of [false, true]) {
    const kind = checked ? "checked pools" : "pools";

    test(`contexts - with ${kind}, the library works in a context that offers ${what}`, async () => {
      const library = evaluateIn({ ...needed, ...globals });
      using made = library.MemPool.init(4096, 64, { checked });
      const block = present(made.alloc(100));
      made.free(block);
      assertEquals((thrownBy(() => made.free(block)) as { code: unknown }).code, "double-free");
      assertOneFreeRun(made);
      await shareByName(library, { checked });
    });
  }
}

/** One native library, and so one pool of a name, for this context and the other. */
async function shareByName(library: Library, options: MemPoolOptions): Promise<void> {
  const name = newName();
  using mine = open(name, options);
  using other = library.MemPool.open(name, 4096, 64, options);
  assertEquals({ ...other.handle }, { ...mine.handle });
  const shared = present(other.alloc(100));
  mark(shared, 1);
  assertMarked(mine.at(other.offsetOf(shared)), 1);
  other.free(shared);
  for (const [one, two] of [[mine, other], [other, mine]] as const) {
    const whole = present(one.alloc(4096));
    const waiting = two.allocAsync(100);
    one.free(whole);
    two.free(await waiting);
  }
  assertOneFreeRun(other);
  mine.destroy();
}

denoTest("contexts - on Deno, a context without Deno is told to pass it, and the library can be imported there", () => {
  const library = evaluateIn({});
  const error = thrownBy(() => library.MemPool.init(4096, 64));
  assert(error instanceof library.MemPoolError);
  assertEquals([error.code, error.message], [
    "unsupported",
    "Cannot load the native library: this context of node:vm has no global `Deno`, pass it to `createContext`",
  ]);
});

denoTest("contexts - a context whose addEventListener throws gets no pool, and leaves none", () => {
  const addEventListener = (): never => {
    throw new Error("refused on purpose");
  };
  const library = evaluateIn({ Deno, addEventListener });
  const before = usedEntries();
  for (let time = 0; time < 20; time++) {
    assertThrows(() => library.MemPool.init(2 ** 20 + 4096, 4096), Error, "refused on purpose");
  }
  const after = usedEntries();
  assert(after < before + 10, `${before} became ${after}`);
});
