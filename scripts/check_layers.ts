/** Checks that imports go down only, that nothing above src/ffi names a runtime, and that no file is too long. */

import process from "node:process";
import { findViolations } from "./_layers.ts";
import { root } from "./_project.ts";

const violations = findViolations(root);
for (const violation of violations) console.error(violation);
if (violations.length === 0) console.log("Layers: imports go down only");
process.exit(violations.length === 0 ? 0 : 1);
