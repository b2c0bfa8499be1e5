/** Maps as SVG: the document is well-formed and bounded, and shows the state of the pool. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { mapAsSvg, PoolHistory, surveyPool } from "mempool/inspect";
import { test } from "../support/harness.ts";
import { elementsOf, lettered } from "../support/inspect.ts";
import { assertRefused, makePool } from "../support/pool.ts";

const WORKER_1 = "#0072b2";

type Square = [x: number, y: number, height: number, width: number];

/** The squares that a path draws, with their upper left corners. */
function squares(d = ""): Square[] {
  return [...d.matchAll(/M([\d.]+) ([\d.]+)h([\d.]+)v([\d.]+)h-\3z/g)].map((
    [, x, y, width, height],
  ) => [Number(x), Number(y), Number(height), Number(width)]);
}

function pathsOf(svg: string): Record<string, string>[] {
  return elementsOf(svg).filter(({ name }) => name === "path").map(({ attributes }) => attributes);
}

test("svg - draws allocated and cached blocks in their owner's colour at their place", () => {
  const paths = pathsOf(mapAsSvg(lettered("AAaA" + ".".repeat(13) + "B")));
  const [free, allocated, cached, other] = paths;
  assertEquals(squares(free!["d"]).length, 18);
  const step = squares(free!["d"])[1]![0];
  assertEquals(allocated!["fill"], WORKER_1);
  assertEquals(squares(allocated!["d"]).map(([x, y]) => [x / step, y]), [[0, 0], [1, 0], [3, 0]]);
  assertEquals([cached!["fill"], cached!["class"]], [WORKER_1, "cached"]);
  assertEquals(squares(cached!["d"]).map(([x, y, , width]) => [(x - width / 2) / step, y]), [[2, 0]]); // half as wide
  assert(other!["fill"] !== WORKER_1);
  assertEquals(squares(other!["d"]).map(([x, y]) => [x / step, y / step]), [[1, 1]]); // a row has 16 squares
});

test("svg - fills a square like its part of the pool, with cached bytes above allocated bytes", () => {
  const [free, allocated, cached] = pathsOf(mapAsSvg(lettered("Aaa.AAAA...."), { cells: 3 }));
  const [[, , side]] = squares(free!["d"]) as [Square];
  const near = (value: number, share: number): void => assert(Math.abs(value - share * side) < 0.02, `${value / side}`);
  const [first, second] = squares(allocated!["d"]) as [Square, Square];
  near(first[1], 3 / 4);
  near(first[2], 1 / 4);
  near(second[2], 1);
  const [above] = squares(cached!["d"]) as [Square];
  near(above[1], 1 / 4);
  near(above[2], 2 / 4);
});

test("svg - draws the smallest allocation one unit high", () => {
  const [, allocated] = pathsOf(mapAsSvg(lettered("A" + ".".repeat(9999)), { cells: 1 }));
  assertEquals(squares(allocated!["d"]).map(([, , height]) => height), [1]);
});

test("svg - frames the longest free run, in one row, around a corner and over several rows", () => {
  const frameOf = (letters: string): string =>
    pathsOf(mapAsSvg(lettered(letters))).find(({ class: name, d }) => name === "run" && d !== undefined)!["d"]!;
  const row = "A".repeat(16);
  assertEquals(frameOf("A..A").match(/[MHVz]/g)!.join(""), "MHVHz");
  assertEquals(frameOf(`${"A".repeat(14)}....${"A".repeat(14)}`).match(/[MHVz]/g)!.join(""), "MHVHMHVH");
  assertEquals(frameOf(`${row}AA${".".repeat(20)}${row}`).match(/[MHVz]/g)!.join(""), "MHVHVHVHz");
  assertEquals(pathsOf(mapAsSvg(lettered("AAA"))).some(({ class: name }) => name === "run"), false);
});

test("svg - draws owners from the ninth on with stripes", () => {
  const [, ninth] = pathsOf(mapAsSvg(lettered("I"))).filter(({ class: name }) => name !== "stripes");
  assertEquals(ninth!["fill"], "url(#mempool-owner-9)");
  const elements = elementsOf(mapAsSvg(lettered("I")));
  assert(elements.some(({ name, attributes }) => name === "pattern" && attributes["id"] === "mempool-owner-9"));
});

test("svg - describes itself in words, and names the owner of each colour", () => {
  const svg = mapAsSvg(lettered("AAAb+#...."));
  assertEquals(elementsOf(svg)[0]!.attributes["role"], "img");
  assertStringIncludes(svg, "<title>Pool of 640 bytes: 10 blocks of 64 bytes</title>");
  const words =
    "allocated 4 (40 %), cached 2 (20 %), free 4 (40 %). longest free run 4 blocks, fragmentation 33.3 %. " +
    "no worker: 1 block allocated, 1 cached. worker 1: 3 blocks allocated. worker 2: 1 block cached";
  assertStringIncludes(svg, words);
  assertStringIncludes(svg, ">worker 1: 3 blocks allocated</text>");
  assertStringIncludes(svg, "a square is 1 block</text>");
});

test("svg - draws the history as a chart, from the first sample to the last", () => {
  const history = new PoolHistory();
  assert(!mapAsSvg(lettered("A."), { history }).includes('class="fragments"'));
  for (const [time, letters] of ["....", "AA..", "AAa."].entries()) {
    history.add({ ...surveyPool(lettered(letters)), time: 1000 * time });
  }
  const svg = mapAsSvg(lettered("A."), { history });
  assertStringIncludes(
    svg,
    "The last 2 s: allocated and cached blocks (areas), now 75 %; fragmentation (line), now 0 %",
  );
  const chart = pathsOf(svg).filter(({ class: name }) => name === "in-use" || name === "at-hand");
  assertEquals(chart.map(({ d }) => d), [
    "M0 112L344 112L688 112L688 67L344 67L0 112z",
    "M0 112L344 67L688 67L688 44.5L344 67L0 112z",
  ]);
});

test("svg - is bounded and well-formed for a large, fragmented pool", () => {
  using pool = makePool({ blocks: 100_000, blockSize: 16 });
  const offsets = Array.from({ length: 60_000 }, () => pool.allocOffset(16));
  for (const offset of offsets.filter((_, index) => index % 3 === 1)) pool.freeOffset(offset);
  const history = new PoolHistory();
  const survey = surveyPool(pool);
  for (let time = 0; time < 500; time++) history.add({ ...survey, time });
  const svg = mapAsSvg(survey, { history });
  elementsOf(svg);
  assert(svg.length < 150_000, `${svg.length} characters`);
  assert(!/NaN|undefined|Infinity/.test(svg));
});

test("svg - counts the owners that do not fit into the legend", () => {
  const stats = lettered("A".repeat(60)).stats;
  const blocks = function* () {
    for (let owner = 1; owner <= 60; owner++) {
      yield { offset: 64 * (owner - 1), byteLength: 64, state: "allocated", owner } as const;
    }
  };
  const svg = mapAsSvg({ stats, blocks });
  assertStringIncludes(svg, "and 36 more with fewer blocks</text>");
  elementsOf(svg);
});

test("svg - an owner that is not a number cannot break out of the picture", () => {
  const { stats } = lettered("A");
  const owner = `1"><script>x</script>&` as unknown as number;
  const svg = mapAsSvg({ stats, blocks: () => [{ offset: 0, byteLength: 64, state: "allocated", owner }] });
  assert(elementsOf(svg).every(({ name }) => name !== "script"));
  assertStringIncludes(svg, 'worker 1"&gt;&lt;script&gt;x&lt;/script&gt;&amp;: 1 block allocated');
});

test("svg - of a destroyed pool throws the error of the pool", () => {
  const pool = makePool();
  pool.destroy();
  assertRefused(() => mapAsSvg(pool), "destroyed", "Cannot collect statistics: the pool is destroyed");
});
