import type { Native } from "../../src/runtime/native.ts";
import { load, type Report, reportOf, type Way } from "./_library_load.ts";
import { meet } from "../support/meet.ts";
import { answer } from "../support/workers.ts";

export type LibraryOrder =
  | { readonly ask: "load"; readonly way: Way; readonly words: Int32Array; readonly parties: number }
  | { readonly ask: "create" }
  | { readonly ask: "open"; readonly ids: readonly number[] };

let native: Native;

answer((order: LibraryOrder): Report | number | boolean => {
  switch (order.ask) {
    case "load":
      meet(order.words, 0, order.parties);
      return reportOf(() => native = load(order.way, undefined, () => meet(order.words, 1, order.parties)));
    case "create":
      return native.create(65_536, 65_536, 65_536);
    case "open":
      return order.ids.every((id) => native.open(id) >= 0);
  }
});
