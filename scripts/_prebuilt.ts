/** How the library is built for each platform that it is shipped for, and what that becomes. The same bytes each time. */

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import { root } from "./_project.ts";

export const native = join(root, "native");

/** The files themselves, for those who load from disk. */
export const prebuiltFolder = join(native, "prebuilt");

/** The same, as a module: for those who import from a URL, and for programs compiled to one file. */
export const prebuiltModule = join(root, "src", "runtime", "prebuilt.ts");

export interface Platform {
  /** System and processor, as src/runtime/native.ts names them. */
  readonly name: string;
  readonly suffix: "so" | "dylib" | "dll";
  /** What clang is told beyond `common`, with the library's own name. */
  readonly flags: (name: string) => readonly string[];
  /** Where a cross compiler's package puts the headers. */
  readonly headers?: string;
  /** Sections that only say which tool wrote them. */
  readonly dropped?: readonly string[];
}

/** No runtime of the compiler's and no path: nothing gets in but our code. */
const common = [
  "-std=c11",
  "-O2",
  "-Wall",
  "-Wextra",
  "-Werror",
  "-shared",
  "-fvisibility=hidden",
  "-nostdlib",
  "-ffreestanding",
  "-fno-ident",
  "-fno-stack-protector",
  "-fno-asynchronous-unwind-tables",
];

/**
 * Linked with no C library, and so with none in particular: the symbols that it needs have no versions, and the loader
 * finds them in whichever the program has. Of what is used here, glibc and musl have the same binary interface.
 */
function linux(target: string, ...more: string[]): Platform["flags"] {
  const linking = ["--build-id=none", "-s", "-z,nodelete", "-z,now", "--hash-style=gnu"];
  return (name) => [
    `--target=${target}`,
    ...more,
    "-fPIC",
    "-fuse-ld=lld",
    ...[...linking, `-soname,${name}`].map((option) => `-Wl,${option}`),
  ];
}

/** The C library is the one that is part of the system; nothing else of a runtime library, and no start-up code. */
function windows(): string[] {
  const libraries = ["kernel32", "advapi32", "synchronization", "msvcrt"];
  return [
    "--target=x86_64-w64-mingw32",
    "-D_WIN32_WINNT=0x0A00",
    "-fuse-ld=lld",
    "-Wl,--no-insert-timestamp,-s,--entry,DllMainCRTStartup",
    ...libraries.map((name) => `-l${name}`),
  ];
}

/** Against headers and a list of symbols of our own, for want of Apple's. The linker signs for arm64, as it must. */
function macos(target: string): Platform["flags"] {
  return (name) => [
    `--target=${target}`,
    "-fPIC",
    "-nostdlibinc",
    "-isystem",
    "prebuilt/macos/include",
    "-fuse-ld=lld",
    `-Wl,-install_name,${name},-dead_strip`,
    "prebuilt/macos/libSystem.tbd",
  ];
}

export const platforms: readonly Platform[] = [
  { name: "linux-x64", suffix: "so", flags: linux("x86_64-linux-gnu"), dropped: [".comment"] },
  {
    name: "linux-arm64",
    suffix: "so",
    headers: "/usr/aarch64-linux-gnu/include",
    // Atomics in line: outside of it they are functions of the compiler's runtime.
    flags: linux("aarch64-linux-gnu", "-mno-outline-atomics"),
    dropped: [".comment"],
  },
  { name: "darwin-x64", suffix: "dylib", flags: macos("x86_64-apple-macos10.15") },
  { name: "darwin-arm64", suffix: "dylib", flags: macos("arm64-apple-macos11.0") },
  { name: "windows-x64", suffix: "dll", flags: windows, headers: "/usr/x86_64-w64-mingw32/include" },
];

/** The files of native/ that the Makefile has under this name, in its order. */
export function filesOf(variable: string): string[] {
  const makefile = readFileSync(join(native, "Makefile"), "utf8").replaceAll(/\\\n\s*/g, "");
  const list = makefile.match(new RegExp(`^${variable} = (.*)$`, "m"))?.[1];
  if (list === undefined) throw new Error(`native/Makefile has no ${variable}`);
  return list.split(" ");
}

export const sources: readonly string[] = filesOf("SOURCES");

/** Tells the sources of all platforms from any other. */
export function sourcesKey(): string {
  const hash = createHash("sha256");
  for (const name of [...filesOf("HEADERS"), ...sources]) hash.update(readFileSync(join(native, name)));
  return hash.digest("hex").slice(0, 12);
}

/** The library's own name, by which the system's loader finds it when the process has it already. */
export function ownName(platform: Platform): string {
  return `mempool-${sourcesKey()}.${platform.suffix}`;
}

export function fileOf(platform: Platform): string {
  return `mempool-${platform.name}.${platform.suffix}`;
}

/** The compiler, with its version. It decides about the bytes. */
export function compilerHere(): string | undefined {
  try {
    return execFileSync("clang", ["--version"], { encoding: "utf8" }).split("\n")[0];
  } catch (error) {
    if ((error as { code?: unknown }).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Builds the library for a platform into `folder`; returns its bytes. Throws with what the tools wrote. */
export function buildFor(platform: Platform, folder: string, from = native): Uint8Array {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, fileOf(platform));
  // The linker notes the name of the file on Windows.
  const draft = join(folder, ownName(platform));
  // In their folder, by their plain names: no path of this machine comes near the compiler's output.
  const run = (program: string, args: string[]) => execFileSync(program, args, { cwd: from, stdio: "pipe" });
  run("clang", [...common, "-o", draft, ...sources, ...platform.flags(ownName(platform))]);
  if (platform.dropped !== undefined) {
    run("llvm-objcopy", [...platform.dropped.map((section) => `--remove-section=${section}`), draft]);
  }
  renameSync(draft, file);
  return readFileSync(file);
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** The text of src/runtime/prebuilt.ts. */
export function moduleOf(files: ReadonlyMap<Platform, Uint8Array>, compiler: string): string {
  const entries = [...files].map(([platform, bytes]) =>
    `  "${platform.name}": {
    name: "${ownName(platform)}",
    sha256: "${sha256(bytes)}",
    bytes: ${bytes.length},
    deflated:
      "${deflateRawSync(bytes, { level: 9 }).toString("base64")}",
  },
`
  );
  return `${head(compiler)}export const PREBUILT: Readonly<Record<string, Prebuilt>> = {\n${entries.join("")}};\n`;
}

function head(compiler: string): string {
  return `/**
 * The native library as it is shipped: native/prebuilt, where an import from a URL or a program in one file has it too.
 *
 * Made by scripts/prebuild.ts from the sources in native/; do not edit.
 *
 * @module
 */

/** The library for one platform. */
export interface Prebuilt {
  /** Its own name (SONAME), which tells the sources that it was built from. */
  readonly name: string;
  /** Checksum of its bytes, in hex. */
  readonly sha256: string;
  /** How many bytes that are. */
  readonly bytes: number;
  /** The bytes: compressed (raw deflate), in base64. */
  readonly deflated: string;
}

/** What built them. Another version may come to other bytes. */
export const COMPILER = "${compiler}";

/** By system and processor, as in \`Host\`. */
`;
}
