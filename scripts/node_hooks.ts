/**
 * Makes Node resolve the specifiers that deno.json and tsconfig.json map for the other runtimes, in programs that start
 * with `--import` and this file, and in their workers.
 */

import { existsSync } from "node:fs";
import { registerHooks } from "node:module";
import { pathToFileURL } from "node:url";
import { entries, root } from "./_project.ts";
import { jsrCopy, standIn } from "./_std_assert.ts";

const rootUrl = pathToFileURL(root).href;

const addresses = new Map([...entries()].map(([name, path]) => [name, `${rootUrl}${path}`]));
addresses.set("@std/assert", pathToFileURL(existsSync(jsrCopy) ? jsrCopy : standIn).href);

registerHooks({
  resolve(specifier, context, next) {
    const url = addresses.get(specifier);
    return url === undefined ? next(specifier, context) : { url, shortCircuit: true };
  },
});
