/** Maps whose colours and letters stand for the layouts of records. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type MemPool, record } from "mempool";
import { mapAsSvg, mapAsText, servePage, surveyPool } from "mempool/inspect";
import { test } from "../support/harness.ts";
import { assertError, assertRefused, destroyQuietly, makePool } from "../support/pool.ts";

const Node = record({ next: "ref", cost: "f64" }, { name: "Node <b>" });
const Edge = record({ to: "ref", tags: ["u8", 90] }, { name: "Edge" });

/** A checked pool with three records of one block, two of two blocks, and a block that is no record. */
function populated(): MemPool {
  const pool = makePool({ blocks: 16, blockSize: 64, checked: true });
  for (let time = 0; time < 3; time++) pool.records(Node).alloc();
  pool.records(Edge).allocMany(2);
  pool.alloc(10);
  return pool;
}

test("map by layout - counts the blocks of each layout", () => {
  const pool = populated();
  const { owners, layouts, cells } = surveyPool(pool, { by: "layout" });
  assertEquals(layouts, ["Edge", "Node <b>"]);
  assertEquals(owners, [
    { owner: 0, allocatedBytes: 64, cachedBytes: 0 },
    { owner: 1, allocatedBytes: 256, cachedBytes: 0 },
    { owner: 2, allocatedBytes: 192, cachedBytes: 0 },
  ]);
  assertEquals(cells.map(({ owner }) => owner), [2, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  assert(!("layouts" in surveyPool(pool)));
  destroyQuietly(pool);
});

test("map by layout - names the layouts in text and SVG", () => {
  const pool = populated();
  const text = mapAsText(pool, { by: "layout", colours: false });
  assertStringIncludes(text, "0 bytes  BBBAAAA#────────\n");
  assertStringIncludes(text, "#  no layout: 1 block allocated\nA  layout Edge: 4 blocks allocated\n");
  const picture = mapAsSvg(pool, { by: "layout" });
  assertStringIncludes(picture, "layout Node &lt;b&gt;: 3 blocks allocated");
  assert(!picture.includes("worker"));
  assertStringIncludes(mapAsSvg(surveyPool(pool, { by: "layout" })), "layout Edge");
  assertStringIncludes(mapAsText(pool, { by: "worker", colours: false }), "worker 1: 8 blocks allocated");
  destroyQuietly(pool);
});

test("map by layout - is served as a page", async () => {
  const pool = populated();
  {
    using page = await servePage(pool, { by: "layout" });
    const text = await (await fetch(new URL("map.txt", page.url))).text();
    assertStringIncludes(text, "layout Edge: 4 blocks allocated");
  }
  destroyQuietly(pool);
});

test("map by layout - is refused for other pools and options", () => {
  using pool = makePool();
  const message = "Cannot inspect pool by layout: the pool was made without checked: true";
  assertRefused(() => surveyPool(pool, { by: "layout" }), "unsupported", message);
  const wrong = 'Cannot inspect pool: by must be "worker" or "layout", got "colour"';
  for (const draw of [surveyPool, mapAsText, mapAsSvg]) {
    assertError(() => draw(pool, { by: "colour" as "layout" }), TypeError, wrong);
  }
  const bare = { stats: () => pool.stats(), blocks: () => pool.blocks() };
  assertError(
    () => surveyPool(bare, { by: "layout" }),
    TypeError,
    "Cannot inspect pool by layout: it has no method leaks",
  );
  assertEquals(surveyPool(bare).owners, []);
});
