/** A fake runtime and a fake C library, for the tests of how the native library is loaded. */

import { lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { scratch } from "../../scripts/_project.ts";
import type { LibcSymbols } from "../../src/runtime/libc.ts";
import type { Host, Native } from "../../src/runtime/native.ts";
import type { Prebuilt } from "../../src/runtime/prebuilt.ts";

/** A native library whose functions all throw: the loader reads only its version. */
export function fakeNative(abi: number): Native {
  const unused = (): never => {
    throw new Error("not a real library");
  };
  return {
    abi,
    process: 1,
    maxBufferBytes: 1,
    thread: unused,
    alive: unused,
    restart: unused,
    earlier: unused,
    create: unused,
    find: unused,
    leftBehind: unused,
    open: unused,
    barrier: unused,
    mapping: unused,
  };
}

/** A C library with one file in memory. It records what is done with that file. */
export class FakeLibc implements LibcSymbols {
  /** The names of the libraries that the process has loaded. */
  readonly names: string[] = [];
  readonly content: number[] = [];
  file = 7;
  /** The largest number of bytes that one call writes. */
  piece = 1000;
  sealing = 0;
  seals = 0;
  closed = false;
  errno = 28;

  gnu_get_libc_version(): never {
    throw new Error("the loader does not ask for the version");
  }

  dlopen(name: Uint8Array): number | null {
    return this.names.includes(new TextDecoder().decode(name.subarray(0, -1))) ? 1 : null;
  }

  memfd_create(): number {
    return this.file;
  }

  write(file: number, bytes: Uint8Array, length: number): bigint {
    if (file !== this.file || length !== bytes.length) throw new Error(`a write of ${length} bytes to file ${file}`);
    const piece = bytes.subarray(0, this.piece);
    this.content.push(...piece);
    return BigInt(piece.length);
  }

  fcntl(_file: number, _command: number, argument: number): number {
    this.seals = argument;
    return this.sealing;
  }

  close(file: number): number {
    this.closed = file === this.file;
    return 0;
  }

  __errno_location(): number {
    return this.errno;
  }

  memcpy(to: Uint8Array, errno: number): void {
    new DataView(to.buffer).setInt32(0, errno, true);
  }
}

export class FakeHost implements Host {
  system = "fakeos";
  readonly restartsInThread = false;
  machine = "machine";
  readonly permissions = "It needs a permission";
  readonly loaded: string[] = [];
  /** The C library. Without it, nothing can be loaded from memory. */
  fakeLibc: FakeLibc | undefined;
  permit: () => void = () => {};
  onLoad: (path: string) => Native;

  constructor(native: Native) {
    this.onLoad = () => native;
  }

  libc(): LibcSymbols {
    if (this.fakeLibc === undefined) throw new Error("no such C library");
    return this.fakeLibc;
  }

  load(path: string): Native {
    this.loaded.push(path);
    return this.onLoad(path);
  }
}

/** A temporary folder of one test. */
export class TemporaryFolder implements Disposable {
  readonly path: string;

  constructor(parent = scratch) {
    mkdirSync(parent, { recursive: true });
    this.path = mkdtempSync(join(parent, "temporary-"));
  }

  /** The folder into which the loader puts the libraries of this user. */
  get ours(): string {
    return join(this.path, `mempool-${lstatSync(this.path).uid}`);
  }

  /** The file into which the loader puts this library. */
  fileOf({ sha256, name }: Prebuilt): string {
    return join(this.ours, sha256.slice(0, 16), name);
  }

  /** All files and folders in it. */
  entries(): string[] {
    return readdirSync(this.path, { recursive: true, encoding: "utf8" }).sort();
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true });
  }
}

/** Calls `use` with a new folder that is the system's folder for temporary files meanwhile. */
export function withTemporary<Result>(use: (folder: TemporaryFolder) => Result): () => Result {
  return () => {
    using folder = new TemporaryFolder();
    const before = process.env["TMPDIR"];
    process.env["TMPDIR"] = folder.path;
    try {
      return use(folder);
    } finally {
      if (before === undefined) delete process.env["TMPDIR"];
      else process.env["TMPDIR"] = before;
    }
  };
}
