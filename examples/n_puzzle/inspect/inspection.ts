import process from "node:process";
import { createInterface, type Interface } from "node:readline";
import { Worker } from "node:worker_threads";
import type { MemPoolHandle } from "../../../mod.ts";
import type { PageMessage } from "./messages.ts";

/** How long a search is slowed down, and the length of each pause. Milliseconds. */
const WATCHED = 10_000;
const PAUSE = 40;

/**
 * A page that shows a pool while a search fills it. A worker serves the page, because the search does not yield. A line
 * of input, or the end of the input, starts the search, and another one ends the inspection.
 */
export class Inspection {
  readonly #input: Interface = createInterface({ input: process.stdin });
  readonly #lines = this.#input[Symbol.asyncIterator]();
  #worker: Worker | undefined;

  /** Serves the page of this pool, and returns its address. */
  begin(handle: MemPoolHandle): Promise<string> {
    const worker = this.#worker = new Worker(`${import.meta.dirname}/worker.ts`);
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const fail = (why: string): void => reject(new Error(`Cannot serve the page: ${why}`));
    worker.on("message", (message: PageMessage) => {
      // Bun can lose messages that are posted before the worker listens.
      if (message.kind === "ready") worker.postMessage({ handle });
      else if (message.kind === "page") resolve(message.url);
      else fail(message.error);
    });
    worker.on("error", ({ message }: Error) => fail(message));
    return promise;
  }

  /** Waits until the user lets the program continue. */
  async consent(): Promise<void> {
    await this.#lines.next();
  }

  /** Pauses a search that has just begun, so that one can watch it. Returns the length of the pause in milliseconds. */
  pause(age: number): number {
    if (age > WATCHED) return 0;
    const before = performance.now();
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE);
    return performance.now() - before;
  }

  end(): void {
    void this.#worker?.terminate();
    this.#input.close();
  }
}
