/** The page in a browser, if one is installed. */

import { assertEquals } from "@std/assert";
import { findChromium, noChromium } from "./_chromium.ts";
import { skip, test } from "../support/harness.ts";
import type { Findings } from "./_browser.ts";
import { RunningProgram } from "../support/running_program.ts";

const chromium = findChromium();

(chromium === undefined ? skip(noChromium) : test)(
  "browser - the page loads, follows the pool, outlives it, and shows the counts of stats()",
  async () => {
    using program = new RunningProgram(new URL("./_browser.ts", import.meta.url), [chromium!], ["--allow-all"]);
    const findings = JSON.parse(await program.line()) as Findings;
    assertEquals(findings, {
      loaded: { squares: 64, allocated: 0 },
      filled: 10,
      wrong: [],
      emptied: 4,
      destroyed: [4, 4],
      reloaded: [4, 4],
      problems: [],
      grounds: ["rgb(255, 255, 255)", "rgb(255, 255, 255)", "rgb(15, 18, 22)", "rgb(15, 18, 22)"],
      written: "4,096",
      described: 1,
      picture: [1, 0, "rgb(43, 50, 58)"],
      foreign: [403, "This page is for this machine only\n"],
      misread: [],
    });
    assertEquals(await program.end(), { code: 0, stderr: "" });
  },
);
