import { constants } from "node:os";
import { TextEncoder } from "node:util";
import type { Signature } from "./symbols.ts";

/** The functions of the GNU C library that are needed to load a library from memory on Linux. */
export interface LibcSymbols {
  /**
   * Never called. musl answers to the name LIBC too, but it knows a loaded library by its file only, not by its name.
   * It does not have this function, so opening it fails.
   */
  gnu_get_libc_version(): unknown;
  dlopen(name: Uint8Array, flags: number): unknown;
  memfd_create(name: Uint8Array, flags: number): number;
  write(file: number, bytes: Uint8Array, length: number): number | bigint;
  fcntl(file: number, command: number, argument: number): number;
  close(file: number): number;
  /** Returns a pointer to the calling thread's errno. */
  __errno_location(): unknown;
  memcpy(to: Uint8Array, from: unknown, length: number): unknown;
}

/** The signatures of these functions. */
export const LIBC_SIGNATURES: Readonly<Record<keyof LibcSymbols, Signature>> = {
  gnu_get_libc_version: { parameters: [], result: "pointer" },
  dlopen: { parameters: ["buffer", "i32"], result: "pointer" },
  memfd_create: { parameters: ["buffer", "u32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  __errno_location: { parameters: [], result: "pointer" },
  memcpy: { parameters: ["buffer", "pointer", "usize"], result: "pointer" },
};

/** The same functions on runtimes that pass a length as a bigint. */
export interface BigintLibc extends Omit<LibcSymbols, "write" | "memcpy"> {
  write(file: number, bytes: Uint8Array, length: bigint): bigint;
  memcpy(to: Uint8Array, from: unknown, length: bigint): unknown;
}

/** Makes such functions take a length as a number. */
export function withNumbers(symbols: BigintLibc): LibcSymbols {
  return {
    ...symbols,
    write: (file, bytes, length) => symbols.write(file, bytes, BigInt(length)),
    memcpy: (to, from, length) => symbols.memcpy(to, from, BigInt(length)),
  };
}

/** The GNU C library. */
export const LIBC = "libc.so.6";

// From <dlfcn.h>, <sys/mman.h> and <fcntl.h>. The values are the same on all processors.

const RTLD_LAZY = 1;
const RTLD_NOLOAD = 4;
const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const F_ADD_SEALS = 1033;
/** No more seals can be added, and the file can be neither shortened, nor lengthened, nor written. */
const ALL_SEALS = 0b1111;

/** Whether this process has loaded a library with this name. */
export function isLoaded(libc: LibcSymbols, name: string): boolean {
  // None is null, 0 or 0n, depending on the runtime.
  return Boolean(libc.dlopen(terminated(name), RTLD_LAZY | RTLD_NOLOAD));
}

/**
 * Calls `load` with the path of a file that exists in memory only and can no longer be changed. If `load` succeeds, the
 * file is never closed: the system could give its number, and with it its path, to another file, and would mistake that
 * file for the library that it has loaded from this path.
 */
export function withMemoryFile(
  libc: LibcSymbols,
  name: string,
  bytes: Uint8Array,
  load: (path: string) => void,
): void {
  const file = libc.memfd_create(terminated(name), MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (file < 0) throw new Error(`the system refused a file in memory (${errnoName(libc)})`);
  try {
    fill(libc, file, bytes);
    load(`/proc/self/fd/${file}`);
  } catch (error) {
    libc.close(file);
    throw error;
  }
}

function fill(libc: LibcSymbols, file: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) {
    const written = Number(libc.write(file, bytes.subarray(done), bytes.length - done));
    if (!(written > 0)) {
      throw new Error(`the file in memory took ${done} of ${bytes.length} bytes (${errnoName(libc)})`);
    }
    done += written;
  }
  if (libc.fcntl(file, F_ADD_SEALS, ALL_SEALS) !== 0) {
    throw new Error(`the file in memory cannot be sealed (${errnoName(libc)})`);
  }
}

/** The name of the error that the last call reported. The runtimes' FFI does not change errno between two calls. */
function errnoName(libc: LibcSymbols): string {
  const value = new Int32Array(1);
  libc.memcpy(new Uint8Array(value.buffer), libc.__errno_location(), value.byteLength);
  const [name] = Object.entries(constants.errno).find(([, number]) => number === value[0]) ?? [];
  return name ?? `errno ${value[0]}`;
}

function terminated(text: string): Uint8Array {
  return new TextEncoder().encode(`${text}\0`);
}
