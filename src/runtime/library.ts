import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { inflateRawSync } from "node:zlib";
import { MemPoolError } from "../base/errors.ts";
import { isLoaded, withMemoryFile } from "./libc.ts";
import { ABI, type Host, type Native } from "./native.ts";
import { PREBUILT, type Prebuilt } from "./prebuilt.ts";

/**
 * Loads the native library, which is part of this module's sources. One instance of it serves all workers of a process:
 * the registry of pools is in its variables. The system takes two files for two libraries, even if they are equal; so
 * whoever comes second has to find what the first one has loaded.
 */
export function loadLibrary(host: Host, libraries: Readonly<Record<string, Prebuilt>> = PREBUILT): Native {
  const platform = `${host.system}-${host.machine}`;
  const prebuilt = libraries[platform];
  if (prebuilt === undefined) {
    throw failure(`: there is none for ${platform}, only for ${Object.keys(libraries).join(", ")}`);
  }
  try {
    host.permit();
  } catch (error) {
    throw failure(`: ${reasonOf(error)}. ${host.permissions}`);
  }
  return loadPrebuilt(host, prebuilt);
}

function loadPrebuilt(host: Host, prebuilt: Prebuilt): Native {
  const tried: string[] = [];
  for (const [where, load] of [["memory", fromMemory], ["a file", fromFile]] as const) {
    try {
      return load(host, prebuilt);
    } catch (error) {
      if (error instanceof MemPoolError) throw error;
      tried.push(`from ${where}: ${reasonOf(error)}`);
    }
  }
  throw failure(`. Tried: ${tried.join("; ")}. ${host.permissions}`);
}

/**
 * Linux with the GNU C library: without a file of its own, so that the permission to call native code is enough. The
 * library is looked for by its name, once it is loaded too: if two threads do that at the same moment, both find the one
 * that came first.
 */
function fromMemory(host: Host, prebuilt: Prebuilt): Native {
  const libc = host.libc();
  if (!isLoaded(libc, prebuilt.name)) {
    withMemoryFile(libc, prebuilt.name, unpack(prebuilt), (path) => host.load(path));
  }
  return checked(host.load(prebuilt.name));
}

/** Elsewhere: from a file that all threads, and all processes of this user, open by the same path. */
function fromFile(host: Host, prebuilt: Prebuilt): Native {
  const path = privateFile(host, prebuilt);
  // Opening a file that was cut short can end the process.
  if (checksum(readFileSync(path)) !== prebuilt.sha256) throw new Error(`${path} was changed, remove it`);
  return checked(host.load(path));
}

/** The library's file: its folder is called by the checksum, which tells it from what another compiler made of the sources. */
function privateFile(host: Host, prebuilt: Prebuilt): string {
  const draft = mkdtempSync(join(tmpdir(), "mempool-draft-"));
  try {
    const folder = privateFolder(host, lstatSync(draft).uid);
    const path = join(folder, prebuilt.sha256.slice(0, 16), prebuilt.name);
    if (!existsSync(path)) publish(draft, path, unpack(prebuilt));
    return path;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/** A folder for temporary files that no other user can write to. */
function privateFolder(host: Host, user: number): string {
  const folder = join(tmpdir(), `mempool-${user}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const stat = lstatSync(folder);
  // Windows has no modes, and its folder for temporary files is the user's own.
  const others = host.system === "windows" ? 0 : stat.mode & 0o077;
  if (!stat.isDirectory() || stat.uid !== user || others !== 0) throw new Error(`${folder} is not this user's alone`);
  return folder;
}

/**
 * The file appears when it is whole, and with its folder: no system puts a folder in the place of one that has something
 * in it. So if another thread was faster, that one's stays.
 */
function publish(draft: string, path: string, library: Uint8Array): void {
  writeFileSync(join(draft, basename(path)), library, { flag: "wx", mode: 0o500 });
  try {
    renameSync(draft, dirname(path));
  } catch (error) {
    if (!existsSync(path)) throw error;
  }
}

function unpack({ deflated, sha256, bytes }: Prebuilt): Uint8Array {
  const library = inflated(deflated);
  if (library?.length === bytes && checksum(library) === sha256) return library;
  throw failure(": the one in this module's sources is damaged, its checksum is another");
}

/** Undefined when it was not compressed by us. */
function inflated(deflated: string): Uint8Array | undefined {
  try {
    return inflateRawSync(Buffer.from(deflated, "base64"));
  } catch {
    return undefined;
  }
}

function checksum(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function checked(native: Native): Native {
  if (native.abi === ABI) return native;
  throw failure(`: the one in this module's sources is of version ${native.abi}, they need ${ABI}`);
}

function failure(why: string): MemPoolError {
  return new MemPoolError("library", `Cannot load the native library${why}`);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
