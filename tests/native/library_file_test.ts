/** Loads the real library, and damaged files in its place, in child processes: a crash would only end the child. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Buffer } from "node:buffer";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { inflateRawSync } from "node:zlib";
import { sources } from "../../scripts/_prebuilt.ts";
import { onBun, onDeno, onNode, root, runtimeArgs } from "../../scripts/_project.ts";
import { ABI } from "../../src/runtime/native.ts";
import type { Prebuilt } from "../../src/runtime/prebuilt.ts";
import { type ChildOptions, runChild } from "../support/child.ts";
import { skip, test } from "../support/harness.ts";
import { TemporaryFolder } from "../support/library_host.ts";
import { needs } from "../support/programs.ts";
import type { Report, Way } from "./_library_load.ts";
import { libraryHere, platformHere, prebuiltOf } from "../support/prebuilt.ts";

const program = new URL("./_library_child.ts", import.meta.url);

/** Runs the child with this folder for temporary files, and returns its output. */
async function run<Result>(
  temporary: TemporaryFolder,
  args: readonly string[],
  options?: ChildOptions,
): Promise<Result> {
  const printed = await runChild(program, args, 60_000, { ...options, env: { TMPDIR: temporary.path } });
  return JSON.parse(printed) as Result;
}

const onLinux = platformHere.startsWith("linux");

/** A test on Linux that needs these programs. */
function linuxTestWith(...programs: readonly string[]): typeof test {
  return onLinux && libraryHere !== undefined ? needs(...programs) : skip("needs Linux");
}

const linuxTest = linuxTestWith();
const denoTest = onDeno ? linuxTest : skip("only Deno has these permissions");
const nodeTest = onNode ? linuxTest : skip("only Node has these permissions");
const ways: readonly Way[] = ["memory", "file"];

/** The library of the project for this machine. */
function right(): Prebuilt {
  assert(libraryHere !== undefined);
  return libraryHere;
}

function bytesOf({ deflated }: Prebuilt): Uint8Array {
  return inflateRawSync(Buffer.from(deflated, "base64"));
}

function assertProcess(report: Report | undefined): void {
  assertEquals(report?.error, undefined);
  assert(report?.process !== undefined);
}

// ---- the right library ----

for (const way of ways) {
  linuxTest(
    `library - eight workers that load it from ${way} at the same moment share one copy`,
    async () => {
      using temporary = new TemporaryFolder();
      const { reports, shared } = await run<{ reports: Report[]; shared: boolean[] }>(temporary, ["together", way]);
      reports.forEach(assertProcess);
      assertEquals(new Set(reports.map((report) => report.process)).size, 1);
      assertEquals(shared, reports.map(() => true));
      assertEquals(temporary.entries().length, way === "memory" ? 0 : 3);
    },
  );
}

linuxTest("library - several processes that write its file at the same moment share one file", async () => {
  using temporary = new TemporaryFolder();
  const all = await Promise.all([1, 2].map(() => run<{ reports: Report[] }>(temporary, ["together", "file"])));
  all.forEach(({ reports }) => reports.forEach(assertProcess));
  assertEquals(temporary.entries().length, 3);
});

// ---- a system without files or space ----

linuxTestWith("prlimit")(
  "library - without file descriptors, names the cause, leaves nothing behind, and loads later",
  async () => {
    using temporary = new TemporaryFolder();
    const { reports, left } = await run<{ reports: Report[]; left: string[] }>(temporary, ["without files"]);
    assertProcess(reports.pop());
    const [{ error } = {}, ...others] = reports;
    assertEquals([error?.code, others], ["library", []]);
    const inMemory = "from memory: the system refused a file in memory (EMFILE)";
    const inFile = "from a file: EMFILE: too many open files, ";
    assert(error?.message.includes(`Tried: ${inMemory}; ${inFile}`), error?.message);
    // Only the folder of this user is left, and it is empty.
    assertEquals([left, temporary.entries().length], [[basename(temporary.ours)], 1]);
  },
);

/** Runs a shell command in a process that can mount file systems which no other process sees. */
function withMounts(command: string, args: readonly string[], temporary: TemporaryFolder): string {
  const env = { ...process.env, TMPDIR: temporary.path };
  return execFileSync("unshare", ["-rm", "sh", "-c", command, "sh", ...args], {
    encoding: "utf8",
    env,
    timeout: 60_000,
  });
}

function canMount(): boolean {
  try {
    using temporary = new TemporaryFolder();
    withMounts('mount -t tmpfs none "$TMPDIR"', [], temporary);
    return true;
  } catch {
    return false;
  }
}

const mountTest = onLinux && canMount() ? linuxTest : skip("this process cannot mount file systems");
const runtime = [process.execPath, ...runtimeArgs(["--no-check", "--allow-all"])];

for (
  const [what, options, why, left] of [
    ["full", "size=4k", /from a file: ENOSPC: no space left on device/, ["mempool-0"]],
    ["read-only", "ro", /from a file: EROFS: read-only file system, mkdtemp/, []],
    ["not for programs", "noexec", /from a file: .*(failed to map segment|Operation not permitted|Failed to open)/, [
      "mempool-0",
    ]],
  ] as const
) {
  mountTest(`library - a folder for temporary files that is ${what}: names the cause and leaves no draft`, () => {
    using temporary = new TemporaryFolder();
    const command = `mount -t tmpfs -o ${options} none "$TMPDIR"; "$@"; ls -A "$TMPDIR"`;
    const printed = withMounts(command, [...runtime, fileURLToPath(program.href), "load", "file"], temporary);
    const [report = "", ...names] = printed.trimEnd().split("\n");
    const [{ error } = {}] = JSON.parse(report) as Report[];
    assertEquals([error?.code, names], ["library", [...left]]);
    assertMatch(error?.message ?? "", why);
    assert(error?.message.includes("Tried: from memory: not here; from a file: "));
  });
}

// ---- permissions ----

const needed = "Deno needs --allow-ffi, without a path, and where the library has to be put into a file also " +
  "--allow-read, --allow-write and --allow-env";
const refused = {
  code: "library",
  message: `Cannot load the native library: Requires ffi access, run again with the --allow-ffi flag. ${needed}`,
};

denoTest("library - needs only the permission to call native code when it is loaded from memory", async () => {
  using temporary = new TemporaryFolder();
  const [report] = await run<Report[]>(temporary, ["pool"], { permissions: ["--allow-ffi"] });
  assertProcess(report);
  assertEquals(temporary.entries(), []);
});

// One permission at least is given: without any, Deno gives the child all permissions of this process.
for (
  const permissions of [["--allow-env"], ["--allow-ffi=/usr"], ["--allow-ffi=libc.so.6"], ["--allow-all", "--deny-ffi"]]
) {
  denoTest(`library - names the needed permissions when it only has ${permissions.join(" ")}`, async () => {
    using temporary = new TemporaryFolder();
    const [report] = await run<Report[]>(temporary, ["pool"], { permissions });
    assertEquals(report, { error: refused });
    assertEquals(temporary.entries(), []);
  });
}

denoTest("library - reads and writes only the folder for temporary files when it is loaded from a file", async () => {
  using temporary = new TemporaryFolder();
  const permissions = ["--allow-ffi", "--allow-env=TMPDIR", `--allow-read=${temporary.path}`];
  const [without] = await run<Report[]>(temporary, ["load", "file"], { permissions });
  assertEquals(without?.error?.code, "library");
  const tried =
    /Tried: from memory: not here; from a file: Requires write access to .+ Deno needs --allow-ffi, without/;
  assertMatch(without?.error?.message ?? "", tried);
  const all = [...permissions, `--allow-write=${temporary.path}`];
  const [report] = await run<Report[]>(temporary, ["load", "file"], { permissions: all });
  assertProcess(report);
});

/** Node's permissions for a program that reads its sources, and starts workers if it has any. */
const nodeFlags = ["--permission", `--allow-fs-read=${root}`];

nodeTest("library - on Node, needs only --allow-ffi when it is loaded from memory", async () => {
  using temporary = new TemporaryFolder();
  const [report] = await run<Report[]>(temporary, ["pool"], { moreFlags: [...nodeFlags, "--allow-ffi"] });
  assertProcess(report);
  assertEquals(temporary.entries(), []);
});

nodeTest("library - on Node without --allow-ffi, names that flag", async () => {
  using temporary = new TemporaryFolder();
  const [report] = await run<Report[]>(temporary, ["pool"], { moreFlags: nodeFlags });
  assertEquals(report?.error?.code, "library");
  assertMatch(
    report?.error?.message ?? "",
    /^Cannot load the native library: Access to this API has been restricted\. .+ With --permission, Node needs --allow-ffi/,
  );
  assertEquals(temporary.entries(), []);
});

nodeTest(
  "library - on Node, reads and writes only the folder for temporary files when it is loaded from a file",
  async () => {
    using temporary = new TemporaryFolder();
    const flags = [...nodeFlags, "--allow-ffi", `--allow-fs-read=${temporary.path}`];
    const [without] = await run<Report[]>(temporary, ["load", "file"], { moreFlags: flags });
    assertEquals(without?.error?.code, "library");
    assertMatch(
      without?.error?.message ?? "",
      /Tried: from memory: not here; from a file: .+ With --permission, Node needs/,
    );
    const all = [...flags, `--allow-fs-write=${temporary.path}`];
    const [report] = await run<Report[]>(temporary, ["load", "file"], { moreFlags: all });
    assertProcess(report);
  },
);

const bunTest = onBun ? linuxTest : skip("it is a variable of Bun");

bunTest("library - says which variable to unset when Bun runs without its JIT", async () => {
  using temporary = new TemporaryFolder();
  const env = { TMPDIR: temporary.path, BUN_JSC_useJIT: "0" };
  const [report] = JSON.parse(await runChild(program, ["pool"], 60_000, { env })) as Report[];
  assertEquals(report?.error?.code, "library");
  const advice = "requires the JIT, which BUN_JSC_useJIT=0 turns off: unset that variable; from a file: ";
  assert(report?.error?.message.includes(advice), report?.error?.message);
});

// ---- another file in its place ----

/** Writes the library to the path where the loader looks for it, and returns the path. */
function put(temporary: TemporaryFolder): string {
  const file = temporary.fileOf(right());
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(file, bytesOf(right()));
  return file;
}

function assertRefused(file: string, { error }: Report): void {
  const why =
    `Cannot load the native library. Tried: from memory: not here; from a file: ${file} was modified and must be removed. `;
  assertEquals([error?.code, error?.message.slice(0, why.length)], ["library", why]);
}

linuxTest(
  "library - refuses a file that is truncated, empty or changed, until the file is right again",
  async () => {
    using temporary = new TemporaryFolder();
    const file = put(temporary);
    const reports = await run<Report[]>(temporary, ["replaced", file]);
    assertProcess(reports.pop());
    assertEquals(reports.length, 9);
    for (const report of reports) assertRefused(file, report);
  },
);

linuxTest(
  "library - a file that is replaced while loaded: running threads continue, new ones are refused",
  async () => {
    using temporary = new TemporaryFolder();
    const file = put(temporary);
    const { reports, works } = await run<{ reports: Report[]; works: boolean[] }>(temporary, ["replaced later", file]);
    assertEquals(works, Array.from({ length: 10 }, () => true));
    assertProcess(reports.shift());
    assertProcess(reports.pop());
    assertEquals(reports.length, 9);
    for (const report of reports) assertRefused(file, report);
  },
);

/** Compiles C sources into a library with this name. */
function compiled(name: string, folder: string, flags: readonly string[], sources: readonly string[]): Prebuilt {
  const file = join(folder, name);
  const native = join(root, "native");
  const all = ["-shared", "-fPIC", "-pthread", `-Wl,-soname,${name}`, ...flags, "-o", file, ...sources];
  execFileSync("cc", all, { cwd: native });
  return prebuiltOf(name, readFileSync(file));
}

/** Files that this process cannot use although their checksums are right, each with the message it must cause. */
function wrongLibraries(folder: string): [Prebuilt, RegExp][] {
  const other = new Uint8Array(bytesOf(right()));
  other[18]! ^= 0x40; // e_machine of ELF
  const header = readFileSync(join(root, "native", "mempool.h"), "utf8");
  writeFileSync(join(folder, "other.h"), header.replace(/(MEMPOOL_ABI) \d+/, "$1 99"));
  const tried =
    /^Cannot load the native library\. Tried: from memory: .+; from a file: .+\. (Deno needs|Bun asks|With --permission, Node needs)/s;
  return [
    [prebuiltOf("mempool-machine.so", other), tried],
    [prebuiltOf("mempool-empty.so", new Uint8Array(0)), tried],
    [prebuiltOf("mempool-header.so", bytesOf(right()).subarray(0, 64)), tried],
    [prebuiltOf("mempool-script.so", new TextEncoder().encode("#!/bin/sh\n".repeat(1000))), tried],
    [compiled("mempool-few.so", folder, [], ["lock_robust.c"]), /Tried: .+; from a file: .*mempool_\w+/s],
    [
      compiled("mempool-version.so", folder, ["-include", join(folder, "other.h")], sources),
      new RegExp(`: its copy in this module's sources has version 99, but this module needs version ${ABI}$`),
    ],
    [
      { ...right(), name: "mempool-damaged.so", deflated: right().deflated.slice(0, -100) },
      /is damaged \(its checksum is wrong\)$/,
    ],
  ];
}

for (const way of ways) {
  linuxTestWith("cc")(
    `library - from ${way}, refuses one of another machine or version, and files that are no library`,
    async () => {
      using temporary = new TemporaryFolder();
      const wrong = wrongLibraries(temporary.path);
      const tables = [...wrong.map(([library]) => library), right()].map((library) => ({ [platformHere]: library }));
      writeFileSync(join(temporary.path, "tables"), JSON.stringify(tables));
      const args = ["libraries", way, join(temporary.path, "tables")];
      const { reports, filesLeft } = await run<{ reports: Report[]; filesLeft: number }>(temporary, args);
      assertProcess(reports.pop());
      for (const [index, { error }] of reports.entries()) {
        assertEquals(error?.code, "library");
        assertMatch(error?.message ?? "", wrong[index]![1]);
      }
      // Libraries that were loaded from memory stay open: the right one and the one of another version.
      assertEquals(filesLeft, way === "memory" ? 2 : 0);
    },
  );
}
