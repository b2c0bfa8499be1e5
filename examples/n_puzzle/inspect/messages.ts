import type { MemPoolHandle } from "../../../mod.ts";

/** What the worker that serves the page is told, once it listens. */
export interface PageJob {
  readonly handle: MemPoolHandle;
}

/** What it says: first that it listens, then where the page is or why there is none. */
export type PageMessage = { readonly kind: "ready" } | { readonly kind: "page"; readonly url: string } | {
  readonly kind: "error";
  readonly error: string;
};
