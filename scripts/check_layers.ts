/** Checks the rooms of src against the table in docs/design.md: which room imports which, and how long a file is. */

import process from "node:process";
import { findViolations } from "./_layers.ts";
import { root } from "./_project.ts";

const violations = findViolations(root);
for (const violation of violations) console.error(violation);
if (violations.length === 0) console.log("Rooms: every import is allowed");
process.exit(violations.length === 0 ? 0 : 1);
