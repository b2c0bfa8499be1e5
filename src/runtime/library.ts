import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmdirSync,
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
 * Loads the native library, whose bytes are part of this module's sources. All threads of a process must use one
 * instance, because the registry of pools is in its variables. Two files are two libraries for the system, even if they
 * are equal, so every thread after the first one must find the library that the first one has loaded.
 */
export function loadLibrary(host: Host, libraries: Readonly<Record<string, Prebuilt>> = PREBUILT): Native {
  const platform = `${host.system}-${host.machine}`;
  const prebuilt = libraries[platform];
  if (prebuilt === undefined) {
    throw failure(`: there is no build for ${platform}, only for ${Object.keys(libraries).join(", ")}`);
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
 * Loads the library from memory, on Linux with the GNU C library. No file on disk is needed, so the permission to call
 * native code is enough. After loading, the library is opened once more by its name: if two threads load it at the same
 * moment, both get the one that was loaded first.
 */
function fromMemory(host: Host, prebuilt: Prebuilt): Native {
  const libc = host.libc();
  if (!isLoaded(libc, prebuilt.name)) {
    withMemoryFile(libc, prebuilt.name, unpack(prebuilt), (path) => host.load(path));
  }
  return checked(host.load(prebuilt.name));
}

/** Loads the library from a file that all threads, and all processes of this user, open by the same path. */
function fromFile(host: Host, prebuilt: Prebuilt): Native {
  const path = privateFile(host, prebuilt);
  // A truncated library can crash the process that opens it.
  if (checksum(readFileSync(path)) !== prebuilt.sha256) throw new Error(`${path} was modified and must be removed`);
  return checked(host.load(path));
}

/**
 * The path of the library's file, which is written if it does not exist. The folder is named by the checksum of the
 * library, because the same sources give other bytes with another compiler.
 */
function privateFile(host: Host, prebuilt: Prebuilt): string {
  const draft = mkdtempSync(join(tmpdir(), "mempool-draft-"));
  let failed: unknown;
  try {
    const folder = privateFolder(host, lstatSync(draft).uid);
    const path = join(folder, prebuilt.sha256.slice(0, 16), prebuilt.name);
    if (!existsSync(path)) publish(draft, path, unpack(prebuilt));
    return path;
  } catch (error) {
    failed = error;
    throw error;
  } finally {
    removeDraft(draft, prebuilt.name, failed);
  }
}

/**
 * Removes what is left of a draft, without listing its folder: a process that has no file descriptor left can still do
 * that. If it fails, throws an error that names the earlier failure too.
 */
function removeDraft(draft: string, name: string, failed: unknown): void {
  try {
    rmSync(join(draft, name), { force: true });
    if (existsSync(draft)) rmdirSync(draft);
  } catch (error) {
    const before = failed === undefined ? "" : `${reasonOf(failed)}; `;
    throw new Error(`${before}${draft} was not removed: ${reasonOf(error)}`);
  }
}

/** The path of a folder among the temporary files that no other user can write to. */
function privateFolder(host: Host, user: number): string {
  const folder = join(tmpdir(), `mempool-${user}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const stat = lstatSync(folder);
  // Windows has no modes, and its folder for temporary files belongs to the user.
  const others = host.system === "windows" ? 0 : stat.mode & 0o077;
  if (!stat.isDirectory() || stat.uid !== user || others !== 0) {
    throw new Error(`${folder} is not a folder that only this user can access`);
  }
  return folder;
}

/**
 * Writes the library to the draft folder and renames that folder, so the file appears complete or not at all. No system
 * replaces a folder that is not empty: if another thread was faster, its file stays.
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
  throw failure(": its copy in this module's sources is damaged (its checksum is wrong)");
}

/** The decompressed bytes, or undefined if the text is damaged. */
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
  throw failure(`: its copy in this module's sources has version ${native.abi}, but this module needs version ${ABI}`);
}

function failure(why: string): MemPoolError {
  return new MemPoolError("library", `Cannot load the native library${why}`);
}

/** Without a full stop at the end, for the middle of a message. */
function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/\.$/, "");
}
