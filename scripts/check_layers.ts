/** Checks the imports between the rooms of src, and the length of files, against docs/design.md. */

import process from "node:process";
import { findViolations } from "./_layers.ts";
import { root } from "./_project.ts";

const violations = findViolations(root);
for (const violation of violations) console.error(violation);
if (violations.length === 0) console.log("The rooms of src only import what docs/design.md allows.");
process.exit(violations.length === 0 ? 0 : 1);
