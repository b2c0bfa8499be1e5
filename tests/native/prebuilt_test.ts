/** The shipped libraries: they match the sources, and those that this machine can run pass the C test. */

import { assert, assertEquals, assertMatch, assertNotMatch } from "@std/assert";
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { inflateRawSync } from "node:zlib";
import { scratch } from "../../scripts/_project.ts";
import {
  buildFor,
  compilerHere,
  fileOf,
  filesOf,
  native,
  ownName,
  type Platform,
  platforms,
  prebuiltFolder,
  sha256,
} from "../../scripts/_prebuilt.ts";
import { COMPILER, PREBUILT } from "../../src/runtime/prebuilt.ts";
import { soaking } from "../support/effort.ts";
import { skip, test } from "../support/harness.ts";
import { needs } from "../support/programs.ts";

const execute = promisify(execFile);

const remedy = "run `deno task prebuild` or `bun run prebuild`, and commit what changes";

function fileBytes(platform: Platform): Uint8Array {
  return new Uint8Array(readFileSync(join(prebuiltFolder, fileOf(platform))));
}

/** Calls `use` with an empty folder and removes the folder afterwards. */
function inFolder(use: (folder: string) => Promise<void> | void): () => Promise<void> {
  return async () => {
    mkdirSync(scratch, { recursive: true });
    const folder = mkdtempSync(join(scratch, "prebuilt-"));
    try {
      await use(folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
}

// ---- the files in the repository ----

test("prebuilt - every platform has a library of the current sources", () => {
  assertEquals(Object.keys(PREBUILT), platforms.map(({ name }) => name));
  for (const platform of platforms) {
    assertEquals(PREBUILT[platform.name]?.name, ownName(platform), `The sources in native/ have changed: ${remedy}`);
  }
});

test("prebuilt - the module contains the files", () => {
  for (const platform of platforms) {
    const entry = PREBUILT[platform.name]!;
    const bytes = new Uint8Array(inflateRawSync(Uint8Array.from(atob(entry.deflated), (char) => char.charCodeAt(0))));
    assertEquals([bytes.length, sha256(bytes)], [entry.bytes, entry.sha256]);
    assertEquals(sha256(fileBytes(platform)), entry.sha256, `${fileOf(platform)} differs from the module: ${remedy}`);
  }
});

test("prebuilt - each library has a few kilobytes", () => {
  for (const { name, suffix } of platforms) {
    const { bytes, deflated } = PREBUILT[name]!;
    assert(deflated.length < 12_000, `${name}: ${deflated.length} characters`);
    // On macOS each segment has its own pages, of 16 KiB on arm64, so most of the file is zeros.
    assert(bytes < (suffix === "dylib" ? 65_536 : 16_384), `${name}: ${bytes} bytes`);
  }
});

// ---- builds of the sources ----

const clang = compilerHere();
const sameClang = clang === COMPILER;

/** Builds from a copy of the sources. Both the source folder and the result folder differ from those of the script. */
function buildElsewhere(platform: Platform, folder: string): Uint8Array {
  const copy = join(folder, "sources");
  cpSync(native, copy, { recursive: true, filter: (path) => path !== join(native, "build") });
  return buildFor(platform, join(folder, "result"), copy);
}

for (const platform of platforms) {
  const build = needs("clang", "ld.lld", "llvm-objcopy", ...platform.headers === undefined ? [] : [platform.headers]);
  const compare = platform.suffix !== "so" && !soaking
    ? skip("only in the long form")
    : clang === undefined || sameClang
    ? build
    : skip(`built by ${COMPILER}, but this machine has ${clang}`);

  compare(
    `prebuilt - ${platform.name}: a build in another folder has the same bytes`,
    inFolder((folder) => {
      const sum = sha256(buildElsewhere(platform, folder));
      assertEquals(sum, PREBUILT[platform.name]?.sha256, `${platform.name} has changed: ${remedy}`);
    }),
  );

  needs("llvm-nm", "llvm-readobj")(
    `prebuilt - ${platform.name}: exports exactly what mempool.h declares`,
    async () => {
      const header = readFileSync(join(native, "mempool.h"), "utf8");
      const declared = [...header.matchAll(/^MEMPOOL_EXPORT .*?(mempool_\w+)\(/gm)].map((match) => match[1]);
      assert(declared.length > 15);
      assertEquals(await exportsOf(platform), declared.sort());
    },
  );
}

async function exportsOf(platform: Platform): Promise<string[]> {
  const file = join(prebuiltFolder, fileOf(platform));
  if (platform.suffix === "dll") {
    const { stdout } = await execute("llvm-readobj", ["--coff-exports", file]);
    return [...stdout.matchAll(/^ *Name: (\w+)$/gm)].map((match) => match[1]!).sort();
  }
  const dynamic = platform.suffix === "so" ? ["--dynamic"] : [];
  const { stdout } = await execute("llvm-nm", [...dynamic, "--defined-only", "--extern-only", file]);
  const names = [...stdout.matchAll(/^\w+ \w (\w+)$/gm)].map((match) => match[1]!);
  return names.map((name) => platform.suffix === "dylib" ? name.replace(/^_/, "") : name).sort();
}

const elf = platforms.filter(({ suffix }) => suffix === "so");

needs("llvm-readelf")(
  "prebuilt - Linux: depends on no particular C library, has its own name, and is never unloaded",
  async () => {
    for (const platform of elf) {
      const file = join(prebuiltFolder, fileOf(platform));
      const { stdout } = await execute("llvm-readelf", ["--dynamic-table", "--version-info", "--dyn-syms", file]);
      assertNotMatch(stdout, /NEEDED|VERNEED|VERSYM|@|R(UN)?PATH|TEXTREL/);
      assert(stdout.includes(`Library soname: [${ownName(platform)}]`));
      assertMatch(stdout, /FLAGS_1.*NODELETE/);
    }
  },
);

// ---- the C test with the shipped libraries ----

interface HostProgram {
  readonly title: string;
  readonly platform: string;
  /** The compiler of the C test, and its options beyond the sources and the library. */
  readonly compiler: string;
  readonly flags?: readonly string[];
  /** The command that runs a program of another machine. */
  readonly runner?: readonly string[];
  /** Whether the system's loader finds a loaded library by its own name. */
  readonly byName: boolean;
}

const hosts: readonly HostProgram[] = [
  { title: "this system's C library", platform: `${process.platform}-${process.arch}`, compiler: "cc", byName: true },
  { title: "musl", platform: "linux-x64", compiler: "musl-gcc", byName: false },
  {
    title: "qemu",
    platform: "linux-arm64",
    compiler: "aarch64-linux-gnu-gcc",
    flags: ["-DNO_THREAD_ENDS"],
    runner: ["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"],
    byName: true,
  },
  {
    title: "Wine",
    platform: "windows-x64",
    compiler: "x86_64-w64-mingw32-gcc",
    flags: ["-D_WIN32_WINNT=0x0A00", "-static"],
    runner: ["wine"],
    byName: true,
  },
];

/** Compiles a program and runs it in the folder that contains the library under its own name. */
async function runHost(host: HostProgram, folder: string, sources: readonly string[], args: readonly string[]) {
  const program = join(folder, "program.exe");
  const files = sources.map((name) => name.startsWith("/") ? name : join(native, name));
  const linux = host.platform.startsWith("linux") ? ["-ldl", `-Wl,-rpath,${folder}`] : [];
  await execute(host.compiler, ["-O1", "-o", program, ...files, ...(host.flags ?? []), "-pthread", ...linux]);
  const [runner, ...before] = [...(host.runner ?? []), program];
  const env = { ...process.env, WINEPREFIX: join(scratch, "wine"), WINEDEBUG: "-all" };
  const { stdout } = await execute(runner!, [...before, ...args], { cwd: folder, timeout: 200_000, env });
  return stdout.replaceAll("\r", "");
}

/** Runs the C test with this library. */
async function runTest(host: HostProgram, platform: Platform, bytes: Uint8Array, folder: string): Promise<void> {
  const library = join(folder, ownName(platform));
  writeFileSync(library, bytes);
  assertEquals(await runHost(host, folder, [...filesOf("TESTS"), library], []), "native: all expectations passed\n");
}

/** Loads and unloads the library as a runtime does. */
async function runLoading(host: HostProgram, platform: Platform, folder: string): Promise<void> {
  const name = ownName(platform);
  writeFileSync(join(folder, name), fileBytes(platform));
  const place = platform.suffix === "dll" ? name : join(folder, name);
  const said = await runHost(host, folder, ["load_test.c"], host.byName ? [place, name] : [place]);
  assertEquals(said, `load: the library stays loaded\n${host.byName ? "load: found by its name\n" : ""}`);
}

function canRun({ title, platform, compiler, runner }: HostProgram): typeof test {
  const ours = runner !== undefined || process.arch === platform.split("-")[1];
  if (!ours) return skip(`not on ${process.arch}`);
  if (title === "Wine" && !soaking) return skip("only in the long form, because Wine starts slowly");
  return needs(compiler, ...runner?.slice(0, 1) ?? []);
}

for (const host of hosts) {
  const platform = platforms.find(({ name }) => name === host.platform);
  if (platform === undefined) continue; // no library is shipped for this machine
  const about = `prebuilt - ${host.platform} with ${host.title}`;
  const run = canRun(host);

  run(`${about}: the C test`, inFolder((folder) => runTest(host, platform, fileBytes(platform), folder)));

  run(
    `${about}: is loaded and unloaded${host.byName ? ", and found by its name" : ""}`,
    inFolder((folder) => runLoading(host, platform, folder)),
  );

  // The same compiler would build the same bytes.
  if (!sameClang) {
    const build = clang === undefined ? needs("clang") : run;
    build(
      `${about}: the C test, with a build by this compiler`,
      inFolder((folder) => runTest(host, platform, buildElsewhere(platform, folder), folder)),
    );
  }
}
