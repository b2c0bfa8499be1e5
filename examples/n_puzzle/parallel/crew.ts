import { Worker } from "node:worker_threads";
import type { PartJob, PartMessage } from "./messages.ts";

/** The workers of parallel searches. They run one search after another. */
export class Crew {
  readonly #members: readonly Member[];

  constructor(workers: number) {
    this.#members = Array.from({ length: workers }, () => new Member());
  }

  get workers(): number {
    return this.#members.length;
  }

  /** Waits until all workers have loaded. */
  async ready(): Promise<void> {
    await Promise.all(this.#members.map((member) => member.ready));
  }

  /**
   * Gives each worker its job and waits for all answers. If a worker fails, calls `stop`, waits for the others, and
   * then throws the error.
   */
  async run(jobOf: (worker: number) => PartJob, stop: () => void): Promise<PartMessage[]> {
    const answers = this.#members.map(async (member, worker) => {
      try {
        return await member.ask(jobOf(worker));
      } catch (error) {
        stop();
        throw error;
      }
    });
    await Promise.allSettled(answers);
    return Promise.all(answers);
  }

  end(): void {
    for (const member of this.#members) member.end();
  }
}

class Member {
  /** Settled by the worker's first message, after which it listens. Bun can lose messages that are posted earlier. */
  readonly ready: Promise<unknown>;
  readonly #worker = new Worker(`${import.meta.dirname}/worker.ts`);
  #awaited = Promise.withResolvers<PartMessage>();

  constructor() {
    this.ready = this.#awaited.promise;
    this.#worker.on("message", (message: PartMessage) => this.#awaited.resolve(message));
    this.#worker.on("error", ({ message }: Error) => this.#fail(`A worker failed: ${message}`));
    this.#worker.on("exit", () => this.#fail("A worker ended before the search did"));
  }

  async ask(job: PartJob): Promise<PartMessage> {
    await this.#awaited.promise;
    this.#awaited = Promise.withResolvers();
    this.#worker.postMessage(job);
    const answer = await this.#awaited.promise;
    if (answer.kind === "error") throw new Error(answer.error);
    return answer;
  }

  end(): void {
    void this.#worker.terminate();
  }

  /** Rejects this and every later `ask`. */
  #fail(message: string): void {
    this.#awaited.promise.catch(() => {});
    this.#awaited.reject(new Error(message));
    this.#awaited = Promise.withResolvers();
    this.#awaited.promise.catch(() => {});
    this.#awaited.reject(new Error(message));
  }
}
