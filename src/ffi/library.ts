import { existsSync, linkSync, mkdirSync, unlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { MemPoolError } from "../errors.ts";
import { ABI, type Host, type Native } from "./native.ts";

const COMPILERS = ["cc", "gcc", "clang"];
const FLAGS = ["-std=c11", "-O2", "-fPIC", "-shared", "-fvisibility=hidden", "-pthread"];
/** As NEVER_UNLOADED in native/Makefile. */
const NEVER_UNLOADED = ["-Wl,-z,nodelete"];
const SOURCES = ["mempool.c", "holds.c", "threads.c", "lock.c"];
const SUFFIXES: Record<string, string> = { darwin: "dylib" };

const PERMISSIONS = "Deno needs --allow-ffi (without a path) to load it, and for building it once --allow-read, " +
  "--allow-write and --allow-run";

/**
 * Loads the native library from native/build. Where it is not there yet, builds it with the system's C compiler first.
 * One file serves all workers of a process: the registry of pools is in the library's variables, and the system gives
 * each file its own.
 */
export function loadLibrary(host: Host): Native {
  const folder = new URL("../../native/", import.meta.url);
  if (folder.protocol !== "file:") {
    throw failure([`${folder.href}: a native library can be loaded from a file only`]);
  }
  const path = libraryPath(host);
  const tried: string[] = [];
  const found = tryLoad(host, path, tried) ?? buildAndLoad(host, fileURLToPath(folder.href), path, tried);
  if (found === undefined) throw failure(tried);
  if (found.abi !== ABI) {
    throw failure([`${path}: it is of version ${found.abi}, this code needs ${ABI}; remove it to have it built again`]);
  }
  return found;
}

function libraryPath(host: Host): string {
  const name = `mempool-${ABI}-${host.system}-${host.machine}.${SUFFIXES[host.system] ?? "so"}`;
  return fileURLToPath(new URL(`../../native/build/${name}`, import.meta.url).href);
}

function tryLoad(host: Host, path: string, tried: string[]): Native | undefined {
  try {
    return host.load(path);
  } catch (error) {
    tried.push(`${path}: ${messageOf(error)}`);
    return undefined;
  }
}

function buildAndLoad(host: Host, folder: string, path: string, tried: string[]): Native | undefined {
  try {
    // A file that is there and does not load is for a person to look at, not for us to replace.
    if (existsSync(path) || !build(host, folder, path, tried)) return undefined;
  } catch (error) {
    tried.push(`building it: ${messageOf(error)}`);
    return undefined;
  }
  return tryLoad(host, path, tried);
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

/** Gives the draft its name unless another worker's build has got it already: then all of us load that one. */
function publish(draft: string, path: string): void {
  try {
    linkSync(draft, path);
  } catch (error) {
    if (!existsSync(path)) throw error;
  } finally {
    unlinkSync(draft);
  }
}

function failure(tried: string[]): MemPoolError {
  return new MemPoolError(
    "library",
    `Cannot load the native library. Tried: ${tried.join("; ")}. ${PERMISSIONS}`,
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
