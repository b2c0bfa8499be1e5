import process from "node:process";
import { fileURLToPath } from "node:url";
import type { Job, Message, Status } from "./messages.ts";

/** What the permissions are for: the library, and building it when it is not there. */
const DENO_FLAGS = ["run", "--quiet", "--no-prompt", "--allow-ffi", "--allow-read", "--allow-write", "--allow-run"];

/** Runs a job in a process of its own, on the runtime that runs this one. */
export async function runStore(
  job: Job,
  onProgress: (status: Status) => void,
): Promise<Exclude<Message, { progress: Status }>> {
  const child = start([fileURLToPath(new URL("./child.ts", import.meta.url).href), JSON.stringify(job)]);
  for await (const line of linesOf(child.stdout)) {
    const message = JSON.parse(line) as Message;
    if (!("progress" in message)) return message;
    onProgress(message.progress);
  }
  return { error: `the process ended without an answer (${await child.ended}); it may have run out of memory` };
}

interface Child {
  readonly stdout: ReadableStream<Uint8Array>;
  /** How it ended, in words. */
  readonly ended: Promise<string>;
}

/** Not by node:child_process: on Deno that reads the whole environment, which needs a permission. */
function start(args: string[]): Child {
  if ("Deno" in globalThis) {
    const child = new Deno.Command(process.execPath, { args: [...DENO_FLAGS, ...args], stdin: "null", stdout: "piped" })
      .spawn();
    return { stdout: child.stdout, ended: child.status.then(describeEnd) };
  }
  const child = Bun.spawn([process.execPath, ...args], { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
  return { stdout: child.stdout, ended: child.exited.then((code) => describeEnd({ code, signal: child.signalCode })) };
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
