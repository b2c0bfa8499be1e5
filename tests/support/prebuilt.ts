/** Libraries in the form of src/runtime/prebuilt.ts, made for a test. */

import { createHash } from "node:crypto";
import process from "node:process";
import { deflateRawSync } from "node:zlib";
import { PREBUILT, type Prebuilt } from "../../src/runtime/prebuilt.ts";

/** The current platform, as the loader names it. */
export const platformHere = `${process.platform}-${process.arch}`;

/** The project's library for this platform. */
export const libraryHere: Prebuilt | undefined = PREBUILT[platformHere];

export function prebuiltOf(name: string, library: Uint8Array): Prebuilt {
  return {
    name,
    sha256: createHash("sha256").update(library).digest("hex"),
    bytes: library.length,
    deflated: deflateRawSync(library).toString("base64"),
  };
}
