/**
 * Workers on every runtime, with the few functions that the tests need. Deno and Bun have the `Worker` of browsers; Node
 * has node:worker_threads. Imports nothing of the project, because tests copy this file.
 */

import process from "node:process";
import { fileURLToPath } from "node:url";

const onNode = !("Deno" in globalThis || "Bun" in globalThis);

/** A worker, as the thread that started it sees it. */
export interface Thread {
  post(message: unknown, transfer: ArrayBuffer[]): void;
  /** Returns at once; the thread ends later. */
  terminate(): void;
}

/** What the thread that starts a worker hears of it. */
export interface ThreadListener {
  onMessage(message: unknown): void;
  /** The worker could not be loaded, or threw outside of a call. */
  onError(message: string): void;
}

/** The thread that started this worker, as the worker sees it. */
export interface Parent {
  post(message: unknown, transfer: ArrayBuffer[]): void;
}

/** Starts a worker. Messages that are posted before it listens can get lost. */
export function startThread(url: string | URL, listener: ThreadListener): Thread {
  return onNode ? startInNode(url, listener) : startInBrowserStyle(url, listener);
}

/** In a worker: from now on, calls `onMessage` with each message of the thread that started it. */
export function listenToParent(onMessage: (message: unknown) => void): Parent {
  return onNode ? listenInNode(onMessage) : listenInBrowserStyle(onMessage);
}

/** In a worker: ends the thread. Only Deno's workers have `close`; in those of Bun and Node, `exit` ends no more than them. */
export function endThread(): void {
  if ("Deno" in globalThis) (globalThis as unknown as { close(): void }).close();
  else process.exit();
}

function startInBrowserStyle(url: string | URL, { onMessage, onError }: ThreadListener): Thread {
  const worker = new Worker(url, { type: "module" });
  worker.addEventListener("message", ({ data }: MessageEvent) => onMessage(data));
  worker.addEventListener("error", (event) => {
    event.preventDefault(); // otherwise Deno ends the whole test run
    onError(event.message);
  });
  return {
    post: (message, transfer) => worker.postMessage(message, transfer),
    terminate: () => worker.terminate(),
  };
}

/** The part of a worker's global scope that is used here. The types of the two runtimes contradict each other. */
interface WorkerScope {
  postMessage(message: unknown, transfer: ArrayBuffer[]): void;
  addEventListener(type: "message", listener: (event: MessageEvent) => void): void;
}

function listenInBrowserStyle(onMessage: (message: unknown) => void): Parent {
  const scope = globalThis as unknown as WorkerScope;
  scope.addEventListener("message", ({ data }) => onMessage(data));
  return { post: (message, transfer) => scope.postMessage(message, transfer) };
}

function startInNode(url: string | URL, { onMessage, onError }: ThreadListener): Thread {
  const { Worker } = process.getBuiltinModule("node:worker_threads");
  const worker = new Worker(fileURLToPath(new URL(url).href));
  worker.on("message", onMessage);
  worker.on("error", (error) => onError(error instanceof Error ? error.message : String(error)));
  return {
    post: (message, transfer) => worker.postMessage(message, transfer),
    terminate: () => void worker.terminate(),
  };
}

function listenInNode(onMessage: (message: unknown) => void): Parent {
  const port = process.getBuiltinModule("node:worker_threads").parentPort!;
  port.on("message", onMessage);
  return { post: (message, transfer) => port.postMessage(message, transfer) };
}
