/** Builds the native library for each supported platform. The result is the same, byte for byte, each time. */

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import { root } from "./_project.ts";

export const native = join(root, "native");

/** The folder of the built libraries. */
export const prebuiltFolder = join(native, "prebuilt");

/**
 * The module with the same libraries, which programs load, so that imports from a URL and single-file programs work.
 */
export const prebuiltModule = join(root, "src", "runtime", "prebuilt.ts");

export interface Platform {
  /** Operating system and processor, as `Host` in src/runtime/native.ts names them. */
  readonly name: string;
  readonly suffix: "so" | "dylib" | "dll";
  /** The options of clang beyond `common`, for a library with this name. */
  readonly flags: (name: string) => readonly string[];
  /** The folder of headers that the package of a cross compiler installs. */
  readonly headers?: string;
  /** Sections that only name the tools. */
  readonly dropped?: readonly string[];
}

/** These options keep the compiler's runtime library and all paths out, so the library contains only our code. */
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
 * Links with no C library. The needed symbols therefore have no versions, and the loader finds them in the C library of
 * the program. The functions that the native library uses have the same binary interface in glibc and musl.
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

/** Links with the C library that is part of Windows, but with no other runtime library and no start-up code. */
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

/** Uses our own headers and list of symbols instead of Apple's SDK. The linker signs for arm64, which requires it. */
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
    // Out-of-line atomics would be functions of the compiler's runtime library.
    flags: linux("aarch64-linux-gnu", "-mno-outline-atomics"),
    dropped: [".comment"],
  },
  { name: "darwin-x64", suffix: "dylib", flags: macos("x86_64-apple-macos10.15") },
  { name: "darwin-arm64", suffix: "dylib", flags: macos("arm64-apple-macos11.0") },
  { name: "windows-x64", suffix: "dll", flags: windows, headers: "/usr/x86_64-w64-mingw32/include" },
];

/** The files of native/ that a variable of the Makefile lists, in that order. */
export function filesOf(variable: string): string[] {
  const makefile = readFileSync(join(native, "Makefile"), "utf8").replaceAll(/\\\n\s*/g, "");
  const list = makefile.match(new RegExp(`^${variable} = (.*)$`, "m"))?.[1];
  if (list === undefined) throw new Error(`native/Makefile has no ${variable}`);
  return list.split(" ");
}

export const sources: readonly string[] = filesOf("SOURCES");

/** A key that identifies the sources, the same on all platforms. */
export function sourcesKey(): string {
  const hash = createHash("sha256");
  for (const name of [...filesOf("HEADERS"), ...sources]) hash.update(readFileSync(join(native, name)));
  return hash.digest("hex").slice(0, 12);
}

/** The library's own name. The system's loader finds the library by this name once the process has loaded it. */
export function ownName(platform: Platform): string {
  return `mempool-${sourcesKey()}.${platform.suffix}`;
}

export function fileOf(platform: Platform): string {
  return `mempool-${platform.name}.${platform.suffix}`;
}

/** The name and version of the installed compiler. The bytes of the libraries depend on it. */
export function compilerHere(): string | undefined {
  try {
    return execFileSync("clang", ["--version"], { encoding: "utf8" }).split("\n")[0];
  } catch (error) {
    if ((error as { code?: unknown }).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Builds the library for a platform into `folder` and returns its bytes. Throws with the tools' output. */
export function buildFor(platform: Platform, folder: string, from = native): Uint8Array {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, fileOf(platform));
  // For Windows, the linker records the name of the file.
  const draft = join(folder, ownName(platform));
  // The compiler runs in the folder of the sources and gets plain names, so its output contains no path.
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
 * The native libraries of native/prebuilt, as a module, so that imports from a URL and single-file programs have them.
 *
 * scripts/prebuild.ts generates this file from the sources in native/. Do not edit it.
 *
 * @module
 */

/** The library for one platform. */
export interface Prebuilt {
  /** The library's own name (SONAME). It contains a key of the sources. */
  readonly name: string;
  /** The SHA-256 checksum of the bytes, in hexadecimal. */
  readonly sha256: string;
  /** The number of bytes. */
  readonly bytes: number;
  /** The bytes, compressed with raw deflate and encoded in base64. */
  readonly deflated: string;
}

/** The compiler that built the libraries. Another version may produce other bytes. */
export const COMPILER = "${compiler}";

/** The libraries by operating system and processor, as in \`Host\`. */
`;
}
