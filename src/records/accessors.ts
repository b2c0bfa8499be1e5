import { type Accessors, type CheckRecord, closureAccessors, define } from "./closures.ts";
import { compiledAccessors } from "./compiled.ts";
import type { RecordData } from "./data.ts";
import type { FieldPlace } from "./places.ts";
import type { PublicAccessors } from "./records.ts";
import { type BufferOfRecord, viewsOf } from "./views.ts";

/** What a checked pool does at each access. */
export interface RecordChecks {
  readonly check: CheckRecord;
  readonly bufferOf: BufferOfRecord;
}

/** The accessors of a layout. `checks` is undefined in a pool that is not checked. */
export function accessorsOf(places: readonly FieldPlace[], data: RecordData, checks?: RecordChecks): PublicAccessors {
  const { get, set, Cursor, atomics } = checks === undefined
    ? compiledOrClosures(places, data)
    : closureAccessors(places, data, checks.check);
  class Atomic {}
  places.forEach(({ name }, at) => {
    if (atomics[at] !== undefined) define(Atomic, name, { value: atomics[at] });
  });
  return { get, set, view: viewsOf(places, data, checks?.bufferOf), atomics: new Atomic(), Cursor };
}

function compiledOrClosures(places: readonly FieldPlace[], data: RecordData): Accessors {
  try {
    return compiledAccessors(places, data);
  } catch (error) {
    // The program was started so that it may not compile code from strings.
    if (!(error instanceof EvalError)) throw error;
    return closureAccessors(places, data);
  }
}
