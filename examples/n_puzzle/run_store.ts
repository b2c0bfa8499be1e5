import { spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { Answer, Job, Message, Status } from "./messages.ts";

/** The permissions to load the native library, and to build it if there is no prebuilt one. */
const DENO_FLAGS = ["run", "--quiet", "--no-prompt", "--allow-ffi", "--allow-read", "--allow-write", "--allow-run"];
/** The permission to serve the page. */
const INSPECT_FLAG = "--allow-net=127.0.0.1";

/** Receives what the process reports before its answer. */
export interface Listener {
  onProgress(status: Status): void;
  /** The page is ready. A line of this process's input starts the search, and another one ends the process. */
  onPage(url: string): void;
}

export interface Run {
  readonly answer: Answer;
  /** Settles when the process has ended. A process that serves a page ends later than its answer comes. */
  readonly ended: Promise<unknown>;
}

/**
 * Runs a job in a process of its own, on the same runtime as this one.
 *
 * @param asks Whether that process reads this one's input.
 */
export async function runStore(job: Job, asks: boolean, { onProgress, onPage }: Listener): Promise<Run> {
  const flags = job.inspect === true ? [...DENO_FLAGS, INSPECT_FLAG] : DENO_FLAGS;
  const args = [fileURLToPath(new URL("./child.ts", import.meta.url).href), JSON.stringify(job)];
  const { stdout, ended } = start(flags, args, asks);
  for await (const line of linesOf(stdout)) {
    const message = JSON.parse(line) as Message;
    if ("page" in message) onPage(message.page);
    else if ("progress" in message) onProgress(message.progress);
    else return { answer: message, ended };
  }
  const error = `the process ended without an answer (${await ended}); it may have run out of memory`;
  return { answer: { error }, ended };
}

interface Child {
  readonly stdout: ReadableStream<Uint8Array>;
  /** How the process ended, in words. */
  readonly ended: Promise<string>;
}

/** On Deno, node:child_process would read the whole environment, which needs a permission. */
function start(flags: string[], args: string[], asks: boolean): Child {
  if ("Deno" in globalThis) {
    const stdin = asks ? "inherit" : "null";
    const child = new Deno.Command(process.execPath, { args: [...flags, ...args], stdin, stdout: "piped" }).spawn();
    return { stdout: child.stdout, ended: child.status.then(describeEnd) };
  }
  const stdin = asks ? "inherit" : "ignore";
  if ("Bun" in globalThis) {
    const child = Bun.spawn([process.execPath, ...args], { stdin, stdout: "pipe", stderr: "inherit" });
    return {
      stdout: child.stdout,
      ended: child.exited.then((code) => describeEnd({ code, signal: child.signalCode })),
    };
  }
  const child = spawn(process.execPath, [...process.execArgv, ...args], { stdio: [stdin, "pipe", "inherit"] });
  const ended = once(child, "close").then(([code, signal]) => describeEnd({ code, signal }));
  return { stdout: Readable.toWeb(child.stdout!) as unknown as ReadableStream<Uint8Array>, ended };
}

function describeEnd({ code, signal }: { code: number; signal: unknown }): string {
  return signal === null ? `exit code ${code}` : `signal ${signal}`;
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of stream) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
}
