import { createHash, randomUUID } from "node:crypto";
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { inflateRawSync } from "node:zlib";
import { MemPoolError } from "../errors.ts";
import { isLoaded, memoryFile } from "./libc.ts";
import { ABI, type Host, type Native } from "./native.ts";
import { PREBUILT, type Prebuilt } from "./prebuilt.ts";

/**
 * Loads the native library, which is part of this module's sources. One instance of it serves all workers of a process:
 * the registry of pools is in its variables. The system takes two files for two libraries, even if they are equal; so
 * whoever comes second has to find what the first one has loaded.
 */
export function loadLibrary(host: Host): Native {
  const platform = `${host.system}-${host.machine}`;
  const prebuilt = PREBUILT[platform];
  if (prebuilt === undefined) {
    const known = Object.keys(PREBUILT).join(", ");
    throw new MemPoolError(
      "library",
      `Cannot load the native library: there is none for ${platform}, only for ${known}`,
    );
  }
  const tried: string[] = [];
  const native = attempt(tried, "from memory", () => fromMemory(host, prebuilt)) ??
    attempt(tried, "from a file", () => fromFile(host, prebuilt));
  if (native !== undefined) return native;
  throw new MemPoolError("library", `Cannot load the native library. Tried: ${tried.join("; ")}. ${host.permissions}`);
}

/**
 * Linux with the GNU C library: without a file of its own, so that the permission to call native code is enough. The
 * library is looked for by its name, once it is loaded too: if two threads do that at the same moment, both find the one
 * that came first.
 */
function fromMemory(host: Host, prebuilt: Prebuilt): Native {
  const libc = host.libc();
  if (!isLoaded(libc, prebuilt.name)) host.load(memoryFile(libc, prebuilt.name, unpack(prebuilt)));
  return checked(host.load(prebuilt.name));
}

/** Elsewhere: from a file that all threads, and all processes of this user, open by the same path. */
function fromFile(host: Host, prebuilt: Prebuilt): Native {
  const draft = join(tmpdir(), `mempool-${randomUUID()}`);
  writeFileSync(draft, unpack(prebuilt), { flag: "wx", mode: 0o500 });
  try {
    const path = join(privateFolder(lstatSync(draft).uid), prebuilt.name);
    publish(draft, path);
    // Opening a file that was cut short can end the process.
    if (checksum(readFileSync(path)) !== prebuilt.sha256) throw new Error(`${path} was changed, remove it`);
    return checked(host.load(path));
  } finally {
    unlinkSync(draft);
  }
}

/** A folder for temporary files that no other user can write to. */
function privateFolder(user: number): string {
  const folder = join(tmpdir(), `mempool-${user}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const stat = lstatSync(folder);
  // Windows has no modes, and its folder for temporary files is the user's own.
  const others = process.platform === "win32" ? 0 : stat.mode & 0o077;
  if (!stat.isDirectory() || stat.uid !== user || others !== 0) throw new Error(`${folder} is not this user's alone`);
  return folder;
}

/** The file gets its name when it is whole; if another thread was faster, that one's stays. */
function publish(draft: string, path: string): void {
  try {
    linkSync(draft, path);
  } catch (error) {
    if (!existsSync(path)) throw error;
  }
}

function unpack({ deflated, sha256, bytes }: Prebuilt): Uint8Array {
  const library = inflateRawSync(Uint8Array.from(atob(deflated), (character) => character.charCodeAt(0)));
  if (library.length !== bytes || checksum(library) !== sha256) {
    throw new Error("the library inside of this module is damaged, its checksum is another");
  }
  return library;
}

function checksum(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function checked(native: Native): Native {
  if (native.abi === ABI) return native;
  throw new Error(`the library is of version ${native.abi}, this code needs ${ABI}`);
}

function attempt(tried: string[], how: string, load: () => Native): Native | undefined {
  try {
    return load();
  } catch (error) {
    tried.push(`${how}: ${error instanceof Error ? error.message : error}`);
    return undefined;
  }
}
