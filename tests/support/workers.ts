/**
 * Workers for tests: the test calls, the worker answers.
 *
 *     // in the test                                             // in the worker's file
 *     const worker = spawnWorker(new URL("./_x.ts", …));         answer((message) => …reply…);
 *     const reply = await worker.call(message);
 *
 * What the worker's function throws is thrown by `call`. A worker that fails to load, throws outside of an answer or is
 * terminated rejects the calls it has not answered, so that no test waits forever.
 */

export interface TestWorker {
  /** Sends a message and returns the reply. Rejects with the worker's error; its `name`, `message` and `code` are kept. */
  call<Reply = unknown>(message: unknown, transfer?: ArrayBuffer[]): Promise<Reply>;
  /** Sends a message whose reply nobody waits for. */
  post(message: unknown, transfer?: ArrayBuffer[]): void;
  /** Ends the worker. Calls without a reply reject. */
  terminate(): void;
}

interface Request {
  /** Absent when nobody waits for the reply. */
  readonly id?: number;
  readonly message: unknown;
}

type Response =
  | { readonly kind: "ready" }
  | { readonly kind: "reply"; readonly id: number; readonly reply: unknown }
  | { readonly kind: "error"; readonly id: number; readonly error: PlainError };

/** An error's own properties do not all survive postMessage, and differ by runtime. */
interface PlainError {
  readonly name: string;
  readonly message: string;
  readonly code: unknown;
}

interface Waiting {
  resolve(reply: unknown): void;
  reject(error: Error): void;
}

/** A worker without an answer for so long has died or hangs. Milliseconds. */
const patience = 60_000;

export function spawnWorker(url: string | URL): TestWorker {
  const worker = new Worker(url, { type: "module" });
  const waiting = new Map<number, Waiting>();
  let nextId = 0;
  let ended: Error | undefined;

  // A message posted before the worker listens is lost in some runtimes: hold it back until the worker says so.
  let held: (() => void)[] | undefined = [];

  worker.addEventListener("message", ({ data }: MessageEvent<Response>) => {
    if (data.kind === "ready") return release();
    const call = waiting.get(data.id);
    waiting.delete(data.id);
    if (data.kind === "reply") call?.resolve(data.reply);
    else call?.reject(revive(data.error));
  });
  worker.addEventListener("error", (event) => {
    event.preventDefault(); // else Deno ends the whole test run
    end(new Error(`Worker failed: ${event.message}`));
  });

  function release(): void {
    const sends = held ?? [];
    held = undefined;
    for (const send of sends) send();
  }

  function send(request: Request, transfer: ArrayBuffer[]): void {
    if (held !== undefined) held.push(() => worker.postMessage(request, transfer));
    else worker.postMessage(request, transfer);
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
    const timer = setTimeout(() => reject(new Error(`Worker gave no reply in ${patience} ms`)), patience);
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

/** Lets `use` have so many workers of a file, and terminates them in the end. */
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

/** What the answering code needs of the worker's global scope; tsc has no types for both runtimes' scopes at once. */
interface WorkerScope {
  postMessage(message: Response, transfer: ArrayBuffer[]): void;
  addEventListener(type: "message", listener: (event: MessageEvent<Request>) => void): void;
}

/** In the worker: answers each message with what `handle` returns for it, in the order in which the promises settle. */
export function answer<Message>(handle: (message: Message) => unknown): void {
  const scope = globalThis as unknown as WorkerScope;
  scope.addEventListener("message", ({ data: { id, message } }) => {
    void respond(id, async () => handle(message as Message), scope);
  });
  scope.postMessage({ kind: "ready" }, []);
}

/** A reply whose listed buffers are transferred and not copied. */
export function transferring(reply: unknown, transfer: ArrayBuffer[]): unknown {
  return new Transferring(reply, transfer);
}

class Transferring {
  constructor(readonly reply: unknown, readonly transfer: ArrayBuffer[]) {}
}

async function respond(id: number | undefined, work: () => Promise<unknown>, scope: WorkerScope): Promise<void> {
  try {
    const result = await work();
    const { reply, transfer } = result instanceof Transferring ? result : { reply: result, transfer: [] };
    if (id !== undefined) scope.postMessage({ kind: "reply", id, reply }, transfer);
  } catch (error) {
    if (id === undefined) throw error;
    scope.postMessage({ kind: "error", id, error: flatten(error) }, []);
  }
}

function flatten(thrown: unknown): PlainError {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  return { name: error.name, message: error.message, code: (error as { code?: unknown }).code };
}

function revive({ name, message, code }: PlainError): Error {
  return Object.assign(new Error(message), { name }, code === undefined ? {} : { code });
}
