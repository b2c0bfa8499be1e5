import { createHash } from "node:crypto";
import { appendFileSync, existsSync, linkSync, mkdirSync, readFileSync, unlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { MemPoolError } from "../errors.ts";
import { ABI, type Host, type Native } from "./native.ts";

const COMPILERS = ["cc", "gcc", "clang"];
const FLAGS = ["-std=c11", "-O2", "-fPIC", "-shared", "-fvisibility=hidden", "-pthread"];
const SUFFIXES: Record<string, string> = { darwin: "dylib" };

// As native/Makefile has them, in its order.

const HEADERS = ["mempool.h", "internal.h"];
const SOURCES = ["mempool.c", "holds.c", "threads.c", "lock.c", "owner_lock.c", "os_posix.c", "os_windows.c"];
const NEVER_UNLOADED = ["-Wl,-z,nodelete"];

const PERMISSIONS =
  "Deno needs --allow-ffi (without a path) and --allow-read to load it, and for building it once also " +
  "--allow-write and --allow-run";

/**
 * Loads the native library from native/build. Where it is not there yet, builds it with the system's C compiler first.
 * One file serves all workers of a process: the registry of pools is in the library's variables, and the system gives
 * each file its own. So a file never changes once it has its name: the name tells the sources that it was built from.
 */
export function loadLibrary(host: Host): Native {
  const folder = nativeFolder();
  const tried: string[] = [];
  const native = find(host, folder, tried);
  if (native === undefined) throw failure(tried);
  return native;
}

function nativeFolder(): string {
  const folder = new URL("../../native/", import.meta.url);
  if (folder.protocol === "file:") return fileURLToPath(folder.href);
  throw failure([`${folder.href}: a native library can be loaded from a file only`]);
}

function find(host: Host, folder: string, tried: string[]): Native | undefined {
  let path = folder;
  try {
    path = libraryPath(host, folder);
    if (!existsSync(path)) {
      tried.push(`${path}: not there`);
      if (!build(host, folder, path, tried)) return undefined;
    }
    return loadVerified(host, path);
  } catch (error) {
    tried.push(`${path}: ${error instanceof Error ? error.message : error}`);
    return undefined;
  }
}

/** Where the library that is built from the sources in `folder` has its place. */
export function libraryPath(host: Pick<Host, "system" | "machine">, folder: string): string {
  const sources = createHash("sha256");
  for (const name of [...HEADERS, ...SOURCES]) sources.update(readFileSync(join(folder, name)));
  const key = sources.digest("hex").slice(0, 12);
  return join(folder, "build", `mempool-${ABI}-${host.system}-${host.machine}-${key}.${SUFFIXES[host.system] ?? "so"}`);
}

/** Opening a file that was cut short can end the process: what is not as it was built is not opened. */
function loadVerified(host: Host, path: string): Native {
  const sum = checksum(path);
  if (!existsSync(sumsPath(path))) throw broken(`there is no ${basename(sumsPath(path))} to verify it by`);
  const sums = readFileSync(sumsPath(path), "utf8").split("\n");
  if (!sums.some((line) => line.startsWith(sum))) throw broken("it is not as it was built, its checksum is another");
  const native = host.load(path);
  if (native.abi !== ABI) throw broken(`it is of version ${native.abi}, this code needs ${ABI}`);
  return native;
}

function broken(how: string): Error {
  return new Error(`${how}; remove it to have it built again`);
}

function build(host: Host, folder: string, path: string, tried: string[]): boolean {
  mkdirSync(dirname(path), { recursive: true });
  const draft = `${path}.${crypto.randomUUID()}`;
  const linking = host.system === "darwin" ? [] : NEVER_UNLOADED;
  const sources = SOURCES.map((name) => join(folder, name));
  for (const compiler of COMPILERS) {
    const result = host.run(compiler, [...FLAGS, ...linking, "-o", draft, ...sources]);
    if (result?.success) {
      publish(draft, path);
      return true;
    }
    tried.push(`${compiler}: ${result === undefined ? "no such program" : result.output.trim()}`);
  }
  return false;
}

/**
 * Gives the draft its name unless another worker's build has got it already: then all of us load that one. The
 * checksums of all drafts are noted before, so that whichever gets the name can be verified at once.
 */
function publish(draft: string, path: string): void {
  try {
    appendFileSync(sumsPath(path), `${checksum(draft)}  ${basename(path)}\n`);
    linkSync(draft, path);
  } catch (error) {
    if (!existsSync(path)) throw error;
  } finally {
    unlinkSync(draft);
  }
}

/** Where the checksums of a library stand, one a line, as sha256sum writes them. */
function sumsPath(path: string): string {
  return `${path}.sha256`;
}

function checksum(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

function failure(tried: string[]): MemPoolError {
  return new MemPoolError(
    "library",
    `Cannot load the native library. Tried: ${tried.join("; ")}. ${PERMISSIONS}`,
  );
}
