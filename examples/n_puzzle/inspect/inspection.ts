import process from "node:process";
import { createInterface, type Interface } from "node:readline";
import type { MemPoolHandle } from "../../../mod.ts";
import type { PageMessage } from "./messages.ts";

/** For how long a search is slowed down, and by how much each time it looks at the clock. Milliseconds. */
const WATCHED = 10_000;
const PAUSE = 40;

/**
 * A page that shows a pool while a search fills it. A worker serves it, because the search does not yield. Each line of
 * the input is a consent to go on, and so is its end: one before the search, one after it.
 */
export class Inspection {
  readonly #input: Interface = createInterface({ input: process.stdin });
  readonly #lines = this.#input[Symbol.asyncIterator]();
  #worker: Worker | undefined;

  /** Serves the page of this pool; returns where it is. */
  begin(handle: MemPoolHandle): Promise<string> {
    const worker = this.#worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const fail = (why: string): void => reject(new Error(`Cannot serve the page: ${why}`));
    worker.addEventListener("message", ({ data }: MessageEvent<PageMessage>) => {
      // Bun can lose what is posted before a worker says that it listens.
      if (data.kind === "ready") worker.postMessage({ handle });
      else if (data.kind === "page") resolve(data.url);
      else fail(data.error);
    });
    worker.addEventListener("error", (event) => {
      event.preventDefault(); // else Deno ends the process, and says less
      fail(event.message);
    });
    return promise;
  }

  async consent(): Promise<void> {
    await this.#lines.next();
  }

  /** Pauses a search that is still young, so that one can watch it. Returns for how many milliseconds. */
  pause(age: number): number {
    if (age > WATCHED) return 0;
    const before = performance.now();
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE);
    return performance.now() - before;
  }

  end(): void {
    this.#worker?.terminate();
    this.#input.close();
  }
}
