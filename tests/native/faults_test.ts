/** Each system call of the native library made to fail, as a program on either runtime sees it. */

import { assertEquals } from "@std/assert";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { root } from "../../scripts/_project.ts";
import { ProjectCopy } from "./_copy.ts";
import type { Outcome } from "./_faults_child.ts";
import { skip, test } from "../support/harness.ts";

const faultsTest = process.platform === "linux" ? test : skip("the linker cannot wrap system calls");

const child = [
  "native/_faults_child.ts",
  "native/_faults_worker.ts",
  "native/_faults.ts",
  "support/take_all.ts",
  "support/workers.ts",
];

/** Runs the child with a library whose calls can be made to fail; it must end by itself. */
async function outcomesOf(...act: string[]): Promise<Outcome[]> {
  const native = join(root, "native");
  execFileSync("make", ["-s", "-C", native, "build/faulty.so"]);
  const library = join(native, "build", "faulty.so");
  using copy = new ProjectCopy();
  copy.putLibrary("mempool-faulty.so", readFileSync(library));
  const [name = "", ...calls] = act;
  return JSON.parse(await copy.run(child, [name, library, ...calls])) as Outcome[];
}

function refused(what: string, bytes: number): Outcome {
  const message = `Cannot init pool: the system refused ${bytes} bytes (errno 12)`;
  return { what, error: { code: "map-failed", message }, left: [] };
}

faultsTest("init - the system refuses: map-failed, nothing is left, the next pool works", async () => {
  const calls = ["mmap 1", "mprotect 1", "mprotect 2", "pthread_mutexattr_init 1", "pthread_mutex_init 1"];
  assertEquals(await outcomesOf("creating"), [
    ...calls.map((call) => refused(call, 2 ** 40)),
    refused("mmap, a used range", 64 * 1024),
  ]);
});

for (
  const calls of [["open"], ["read"], ["open", "clock_gettime"], ["membarrier"], ["pthread_mutex_init"]]
) {
  faultsTest(`init - the first of a process, without ${calls.join(" and ")}: works`, async () => {
    assertEquals(await outcomesOf("starting", ...calls), [{ what: calls.join(), left: [] }]);
  });
}

faultsTest("attach - a worker whose end could not be noticed: refused, and works later", async () => {
  const why = "the system refused to track the lifetime of this thread (errno 12)";
  const error = { code: "too-many-workers", message: `Cannot attach: ${why}` };
  assertEquals(await outcomesOf("attaching", "pthread_mutex_init"), [{
    what: "1 worker, then 1024 blocks",
    error,
    left: [],
  }]);
});

faultsTest("attach - no barrier, to the pool of a worker that was alone: refused, and works later", async () => {
  const message = "Cannot attach: the system refused a memory barrier of all threads";
  const error = { code: "unsupported", message };
  assertEquals(await outcomesOf("attaching", "membarrier"), [{ what: "1 worker, then 1024 blocks", error, left: [] }]);
});

faultsTest("destroy - memory that the system does not take back: no error, and later pools are zero", async () => {
  assertEquals(await outcomesOf("destroying"), [{ what: "mmap", left: [] }, { what: "mmap,madvise", left: [] }]);
});

faultsTest("alloc, trim - no memory to grow by, none taken back: null and 0, and later it works", async () => {
  const whats = ["null for now", "nothing given", "grown 1, zero true"];
  assertEquals(await outcomesOf("growing"), whats.map((what) => ({ what, left: [] })));
});

faultsTest("lock - broken, or without a clock to wait by: says so, and the pool works afterwards", async () => {
  const who = "by a worker that was just entering or leaving it";
  const broken = `Cannot allocate: the lock itself is broken, last held ${who}`;
  const timeout = `Cannot allocate: the lock was not free within 30000 ms, it is held ${who}`;
  assertEquals(await outcomesOf("locking"), [
    { what: "broken", error: { code: "corrupt", message: broken }, left: [] },
    { what: "no clock", error: { code: "lock-timeout", message: timeout }, left: [] },
  ]);
});

faultsTest("alloc - no barrier for recalling cached blocks: no block is handed out twice, none is lost", async () => {
  assertEquals(await outcomesOf("recalling"), [{ what: "true, 64 different, true", left: [] }]);
});
