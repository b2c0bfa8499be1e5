/** Where the browser of the tests is. */

import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";

/** By this variable one can name another. */
const VARIABLE = "MEMPOOL_CHROMIUM";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];

export const noChromium = `no ${NAMES[0]} on the PATH, and none is named by ${VARIABLE}`;

/** `undefined` where there is none. */
export function findChromium(): string | undefined {
  const named = process.env[VARIABLE];
  if (named !== undefined && named !== "") return named;
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  return NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find((path) => existsSync(path));
}
