import type { MemPoolHandle } from "../../../mod.ts";

/** The job of the worker that serves the page. */
export interface PageJob {
  readonly handle: MemPoolHandle;
}

/** The messages of that worker: first that it listens, then the address of the page or the reason why there is none. */
export type PageMessage = { readonly kind: "ready" } | { readonly kind: "page"; readonly url: string } | {
  readonly kind: "error";
  readonly error: string;
};
