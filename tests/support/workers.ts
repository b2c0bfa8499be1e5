/**
 * Workers for tests: the test calls a worker, and the worker answers.
 *
 *     // in the test                                             // in the worker's file
 *     const worker = spawnWorker(new URL("./_x.ts", …));         answer((message) => …reply…);
 *     const reply = await worker.call(message);
 *
 * `call` rejects with what the worker's function throws. If a worker fails to load, throws outside of an answer, or is
 * terminated, then the calls that it has not answered reject, so no test waits forever.
 */

import { listenToParent, type Parent, startThread } from "./threads.ts";

export interface TestWorker {
  /** Sends a message and returns the reply. Rejects with the worker's error, with its `name`, `message` and `code`. */
  call<Reply = unknown>(message: unknown, transfer?: ArrayBuffer[]): Promise<Reply>;
  /** Sends a message without waiting for a reply. */
  post(message: unknown, transfer?: ArrayBuffer[]): void;
  /** Terminates the worker. Its unanswered calls reject. */
  terminate(): void;
}

interface Request {
  /** Absent if no reply is expected. */
  readonly id?: number;
  readonly message: unknown;
}

type Response =
  | { readonly kind: "ready" }
  | { readonly kind: "reply"; readonly id: number; readonly reply: unknown }
  | { readonly kind: "error"; readonly id: number; readonly error: PlainError };

/** An error as plain data: runtimes differ in which properties of an error survive postMessage. */
interface PlainError {
  readonly name: string;
  readonly message: string;
  readonly code: unknown;
}

interface Waiting {
  resolve(reply: unknown): void;
  reject(error: Error): void;
}

/** Milliseconds without an answer after which a worker counts as dead or hanging. */
const TIME_LIMIT = 60_000;

/** The errors of workers that failed while no call waited for them. The harness fails the test. */
const unheard: string[] = [];

/** Returns these errors, and forgets them. */
export function takeUnheardErrors(): string[] {
  return unheard.splice(0);
}

export function spawnWorker(url: string | URL): TestWorker {
  const waiting = new Map<number, Waiting>();
  let nextId = 0;
  let ended: Error | undefined;

  // Some runtimes lose a message that is posted before the worker listens. Messages are held back until the worker is
  // ready.
  let held: (() => void)[] | undefined = [];

  const worker = startThread(url, {
    onMessage: (message) => {
      const data = message as Response;
      if (data.kind === "ready") return release();
      const call = waiting.get(data.id);
      waiting.delete(data.id);
      if (data.kind === "reply") call?.resolve(data.reply);
      else call?.reject(revive(data.error));
    },
    onError: (message) => {
      if (ended === undefined && waiting.size === 0) unheard.push(message);
      end(new Error(`Worker failed: ${message}`));
    },
  });

  function release(): void {
    const sends = held ?? [];
    held = undefined;
    for (const send of sends) send();
  }

  function send(request: Request, transfer: ArrayBuffer[]): void {
    if (held !== undefined) held.push(() => worker.post(request, transfer));
    else worker.post(request, transfer);
  }

  function end(reason: Error): void {
    ended ??= reason;
    for (const { reject } of waiting.values()) reject(reason);
    waiting.clear();
  }

  function call(message: unknown, transfer: ArrayBuffer[]): Promise<unknown> {
    if (ended !== undefined) return Promise.reject(ended);
    const id = nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const timer = setTimeout(() => reject(new Error(`The worker gave no reply in ${TIME_LIMIT} ms`)), TIME_LIMIT);
    waiting.set(id, { resolve, reject });
    send({ id, message }, transfer);
    return promise.finally(() => {
      clearTimeout(timer);
      waiting.delete(id);
    });
  }

  return {
    call: <Reply>(message: unknown, transfer: ArrayBuffer[] = []) => call(message, transfer) as Promise<Reply>,
    post: (message, transfer = []) => send({ message }, transfer),
    terminate: () => {
      worker.terminate();
      end(new Error("Worker was terminated"));
    },
  };
}

/** Calls `use` with `count` workers of a file, and terminates them afterwards. */
export async function withWorkers<Result>(
  url: string | URL,
  count: number,
  use: (workers: TestWorker[]) => Promise<Result>,
): Promise<Result> {
  const workers = Array.from({ length: count }, () => spawnWorker(url));
  try {
    return await use(workers);
  } finally {
    for (const worker of workers) worker.terminate();
  }
}

/**
 * In the worker: answers each message with what `handle` returns for it. Answers are sent in the order in which they
 * settle.
 */
export function answer<Message>(handle: (message: Message) => unknown): void {
  const parent = listenToParent((request) => {
    const { id, message } = request as Request;
    void respond(id, async () => handle(message as Message), parent);
  });
  postTo(parent, { kind: "ready" });
}

/** A reply whose listed buffers are transferred instead of copied. */
export function transferring(reply: unknown, transfer: ArrayBuffer[]): unknown {
  return new Transferring(reply, transfer);
}

class Transferring {
  readonly reply: unknown;
  readonly transfer: ArrayBuffer[];

  constructor(reply: unknown, transfer: ArrayBuffer[]) {
    this.reply = reply;
    this.transfer = transfer;
  }
}

function postTo(parent: Parent, response: Response, transfer: ArrayBuffer[] = []): void {
  parent.post(response, transfer);
}

async function respond(id: number | undefined, work: () => Promise<unknown>, parent: Parent): Promise<void> {
  try {
    const result = await work();
    const { reply, transfer } = result instanceof Transferring ? result : { reply: result, transfer: [] };
    if (id !== undefined) postTo(parent, { kind: "reply", id, reply }, transfer);
  } catch (error) {
    if (id === undefined) throw error;
    postTo(parent, { kind: "error", id, error: flatten(error) });
  }
}

function flatten(thrown: unknown): PlainError {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  return { name: error.name, message: error.message, code: (error as { code?: unknown }).code };
}

function revive({ name, message, code }: PlainError): Error {
  return Object.assign(new Error(message), { name }, code === undefined ? {} : { code });
}
