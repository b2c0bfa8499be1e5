/** The library's file, and what may have become of it: each in a process of its own, so that it would be seen to die. */

import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { execFile } from "node:child_process";
import { appendFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { onDeno, root } from "../scripts/_project.ts";
import { ABI } from "../src/ffi/native.ts";
import { ProjectCopy, withCopy } from "./_copy.ts";
import { skip, test } from "./_harness.ts";
import type { Report } from "./_library_use.ts";

const execute = promisify(execFile);

const child = ["_library_child.ts", "_library_use.ts", "_library_worker.ts", "_workers.ts"];

/** Runs the child and returns the reports of its threads. It must end by itself. */
async function reportsOf(copy: ProjectCopy, what: string, permissions?: string[], env?: Record<string, string>) {
  const { code, signal, stdout, stderr } = await copy.run(child, [what, copy.library], permissions, env);
  assertEquals({ code, signal, stderr }, { code: 0, signal: null, stderr: "" });
  return JSON.parse(stdout) as Report[];
}

/** Expects the library to be refused, with this in the message; nothing was built instead. */
async function assertRefuses(copy: ProjectCopy, why: RegExp): Promise<void> {
  const built = copy.built();
  const [report] = await reportsOf(copy, "use");
  assertEquals(report?.error?.code, "library");
  assertMatch(report?.error?.message ?? "", why);
  assertEquals(copy.built(), built);
}

async function assertWorks(copy: ProjectCopy, permissions?: string[]): Promise<void> {
  const [report] = await reportsOf(copy, "use", permissions);
  assertEquals(report?.error, undefined);
}

/** The project's library, as it was built. */
function rightBytes(copy: ProjectCopy): Uint8Array {
  copy.putLibrary();
  return readFileSync(copy.library);
}

const another = /: it is not as it was built, its checksum is another; remove it to have it built again\. Deno needs/;

test(
  "library file - as it was built",
  withCopy(async (copy) => {
    copy.putLibrary();
    await assertWorks(copy);
  }),
);

test(
  "library file - cut short anywhere, empty, garbage, or with one byte changed: refused, until it is right again",
  withCopy(async (copy) => {
    copy.putLibrary();
    const reports = await reportsOf(copy, "come");
    assertEquals(reports.pop()?.error, undefined);
    assertEquals(reports.length, 9);
    for (const { error } of reports) {
      assertEquals(error?.code, "library");
      assertMatch(error?.message ?? "", another);
    }
  }),
);

test(
  "library file - of another machine, or no library at all, with a checksum that is right",
  withCopy(async (copy) => {
    const other = new Uint8Array(rightBytes(copy));
    // e_machine of ELF: another one, whichever this is.
    other[18]! ^= 0x40;
    for (const bytes of [other, new Uint8Array(0), new TextEncoder().encode("#!/bin/sh\n")]) {
      copy.putFile(bytes);
      await assertRefuses(copy, /Tried: \S+\.so: .+ Deno needs/s);
    }
  }),
);

/** Compiles a library of the copy's sources, or of another source, into the place of the right one. */
async function putCompiled(copy: ProjectCopy, edit: (header: string) => string, sources: string[]): Promise<void> {
  const folder = join(copy.folder, "native");
  const header = readFileSync(join(folder, "mempool.h"), "utf8");
  const file = join(copy.folder, "other.so");
  writeFileSync(join(folder, "mempool.h"), edit(header));
  await execute("cc", ["-shared", "-fPIC", "-o", file, ...sources.map((name) => join(folder, name))]);
  writeFileSync(join(folder, "mempool.h"), header);
  copy.putFile(readFileSync(file));
}

test(
  "library file - of another version, and one without our functions",
  withCopy(async (copy) => {
    const sources = ["mempool.c", "holds.c", "threads.c", "lock.c", "owner_lock.c", "os_posix.c"];
    await putCompiled(copy, (header) => header.replace(/(MEMPOOL_ABI) \d+/, "$1 99"), sources);
    await assertRefuses(
      copy,
      new RegExp(`: it is of version 99, this code needs ${ABI}; remove it to have it built again`),
    );
    await putCompiled(copy, (header) => header, ["lock.c"]);
    await assertRefuses(copy, /mempool_\w+/);
  }),
);

test(
  "library file - without its checksum",
  withCopy(async (copy) => {
    copy.putLibrary();
    rmSync(`${copy.library}.sha256`);
    await assertRefuses(
      copy,
      /: there is no \S+\.sha256 to verify it by; remove it to have it built again\. Deno needs/,
    );
  }),
);

test(
  "library file - of other sources: another one is built beside it, and it stays for those who use it",
  withCopy(async (copy) => {
    copy.putLibrary();
    const old = copy.library;
    appendFileSync(join(copy.folder, "native", "lock.c"), "/* changed */\n");
    assertNotEquals(copy.library, old);
    const nowhere = { PATH: join(copy.folder, "nowhere") };
    const [report] = await reportsOf(copy, "use", undefined, nowhere);
    assertEquals(report?.error?.code, "library");
    assertMatch(report?.error?.message ?? "", /: not there; cc: no such program; gcc: no such program; clang: /);
    await assertWorks(copy);
    assertEquals(copy.built().length, 2);
  }),
);

test(
  "library file - built by several processes and workers at the same moment: one library, for all of them",
  withCopy(async (copy) => {
    const all = await Promise.all([1, 2].map(() => reportsOf(copy, "use in two workers")));
    for (const [one, two] of all) {
      assertEquals([one?.error, two?.error], [undefined, undefined]);
      assertEquals(one?.process, two?.process);
    }
    assertEquals(copy.built().length, 1);
    await assertWorks(copy);
  }),
);

test(
  "library file - replaced while it is loaded: those who have it go on, those who come are told",
  withCopy(async (copy) => {
    copy.putLibrary();
    const reports = await reportsOf(copy, "stay");
    const codes = reports.map(({ error }) => error?.code ?? "works");
    assertEquals(codes, ["works", ...Array.from({ length: 9 }, () => ["library", "works"]).flat()]);
  }),
);

test(
  "library file - what is built here is never unloaded either, and has the name that make gives it",
  withCopy(async (copy) => {
    await assertWorks(copy);
    const program = join(copy.folder, "load_test");
    await execute("cc", ["-pthread", "-o", program, join(copy.folder, "native", "load_test.c"), "-ldl"]);
    const { stdout } = await execute(program, [copy.library]);
    assertEquals(stdout, "load: the library stays\n");
    const { stdout: name } = await execute("make", ["-s", "-C", join(root, "native"), "name"]);
    assert(copy.library.endsWith(name.trim()), `${copy.library} here, ${name.trim()} by make`);
  }),
);

const denoTest = onDeno ? test : skip("Bun asks for no permissions");

denoTest(
  "library file - the permissions that it takes to load it",
  withCopy(async (copy) => {
    copy.putLibrary();
    const { folder } = copy;
    await assertWorks(copy, ["--allow-ffi", `--allow-read=${join(folder, "native")}`]);
    await assertWorks(copy, ["--allow-ffi", "--allow-read"]);
    const [report] = await reportsOf(copy, "use", ["--allow-ffi"]);
    assertEquals(report?.error?.code, "library");
    assertMatch(
      report?.error?.message ?? "",
      /read access.+Deno needs --allow-ffi \(without a path\) and --allow-read/,
    );
  }),
);
