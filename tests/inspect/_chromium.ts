/** Finds the browser that the tests use. */

import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";

/** This environment variable names the path of a browser. */
const VARIABLE = "MEMPOOL_CHROMIUM";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];

export const noChromium = `${NAMES[0]} is not on the PATH, and ${VARIABLE} does not name a browser`;

/** Returns the path of the browser, or `undefined` if there is none. */
export function findChromium(): string | undefined {
  const named = process.env[VARIABLE];
  if (named !== undefined && named !== "") return named;
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  return NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find((path) => existsSync(path));
}
