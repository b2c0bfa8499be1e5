/** Each system call of the native library fails once. A program on any runtime gets a clear error and recovers. */

import { assertEquals } from "@std/assert";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { root } from "../../scripts/_project.ts";
import { ProjectCopy } from "../support/project_copy.ts";
import type { Outcome } from "./_faults_child.ts";
import { skip } from "../support/harness.ts";
import { needs } from "../support/programs.ts";

const faultsTest = process.platform === "linux" ? needs("make", "cc") : skip("the linker cannot wrap system calls");

const child = [
  "native/_faults_child.ts",
  "native/_faults_worker.ts",
  "native/_faults.ts",
  "support/foreign.ts",
  "support/threads.ts",
  "support/take_all.ts",
  "support/workers.ts",
];

/** Runs the child with a library whose calls can be made to fail. The child must end without a signal. */
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

faultsTest(
  "init - the system refuses memory: throws map-failed, leaves nothing behind, and the next pool works",
  async () => {
    const parts = ["mprotect 1", "mprotect 2", "mprotect 3", "mprotect 4"];
    const calls = ["mmap 1", ...parts, "pthread_mutexattr_init 1", "pthread_mutex_init 1"];
    assertEquals(await outcomesOf("creating"), [
      ...calls.map((call) => refused(call, 2 ** 40)),
      refused("mmap, a reused range", 64 * 1024),
    ]);
  },
);

for (
  const calls of [["open"], ["read"], ["open", "clock_gettime"], ["membarrier"], ["pthread_mutex_init"]]
) {
  faultsTest(`init - the first pool of a process works although ${calls.join(" and ")} fails`, async () => {
    assertEquals(await outcomesOf("starting", ...calls), [{ what: calls.join(), left: [] }]);
  });
}

faultsTest("attach - refuses a worker whose end could not be noticed, and accepts it later", async () => {
  const why = "the system refused to track the lifetime of this thread (errno 12)";
  const error = { code: "too-many-workers", message: `Cannot attach: ${why}` };
  assertEquals(await outcomesOf("attaching", "pthread_mutex_init"), [{
    what: "1 worker, then 1024 blocks",
    error,
    left: [],
  }]);
});

faultsTest("attach - without a barrier, refuses a second worker of a biased pool, and accepts it later", async () => {
  const message = "Cannot attach: the system refused a memory barrier of all threads";
  const error = { code: "unsupported", message };
  assertEquals(await outcomesOf("attaching", "membarrier"), [{ what: "1 worker, then 1024 blocks", error, left: [] }]);
});

faultsTest("destroy - throws nothing if the system takes no memory back, and later pools are zero", async () => {
  assertEquals(await outcomesOf("destroying"), [{ what: "mmap", left: [] }, { what: "mmap,madvise", left: [] }]);
});

faultsTest(
  "alloc, trim - return null and 0 if the system refuses to grow or trim the pool, and work later",
  async () => {
    const whats = ["alloc returns null", "trim returns 0", "grown 1, zero true"];
    assertEquals(await outcomesOf("growing"), whats.map((what) => ({ what, left: [] })));
  },
);

faultsTest("lock - reports a broken lock and a missing clock, and the pool works afterwards", async () => {
  const holder = "by a worker that was just entering or leaving it";
  const broken = `Cannot allocate: the lock itself is broken, last held ${holder}`;
  const timeout = `Cannot allocate: the lock was not free within 30000 ms, it is held ${holder}`;
  assertEquals(await outcomesOf("locking"), [
    { what: "broken", error: { code: "corrupt", message: broken }, left: [] },
    { what: "no clock", error: { code: "lock-timeout", message: timeout }, left: [] },
  ]);
});

faultsTest("lock - a wait follows neither the time of day nor the time in which the process was stopped", async () => {
  const why = "the lock was not free within 200 ms, it is held by worker 2 in slot 1, whose thread still runs";
  const error = { code: "lock-timeout", message: `Cannot allocate: ${why}` };
  assertEquals(await outcomesOf("waiting"), [
    { what: "set back", error, left: [] },
    { what: "stopped", error, left: [] },
    { what: "slept true", left: [] },
  ]);
});

faultsTest("alloc - without a barrier to recall cached blocks, hands out no block twice and loses none", async () => {
  assertEquals(await outcomesOf("recalling"), [{ what: "true, 64 different, true", left: [] }]);
});
