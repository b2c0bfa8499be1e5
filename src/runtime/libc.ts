import type { Signature } from "./symbols.ts";

/** The few functions of Linux's C library that load a library out of memory, as a runtime's FFI calls them. */
export interface LibcSymbols {
  /** Only for being there: musl, too, opens itself as LIBC, but it knows a library by its file only. */
  gnu_get_libc_version(): unknown;
  dlopen(name: Uint8Array, flags: number): unknown;
  memfd_create(name: Uint8Array, flags: number): number;
  write(file: number, bytes: Uint8Array, length: number): number | bigint;
  fcntl(file: number, command: number, argument: number): number;
  close(file: number): number;
}

/** The signatures of these functions. */
export const LIBC_SIGNATURES: Readonly<Record<keyof LibcSymbols, Signature>> = {
  gnu_get_libc_version: { parameters: [], result: "pointer" },
  dlopen: { parameters: ["buffer", "i32"], result: "pointer" },
  memfd_create: { parameters: ["buffer", "u32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
};

/** The GNU C library. */
export const LIBC = "libc.so.6";

// From <dlfcn.h>, <sys/mman.h> and <fcntl.h>; the same on all processors.

const RTLD_LAZY = 1;
const RTLD_NOLOAD = 4;
const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const F_ADD_SEALS = 1033;
/** No more seals, and the file can be neither shortened, nor lengthened, nor written. */
const ALL_SEALS = 0b1111;

/** Whether this process has loaded a library of this name. */
export function isLoaded(libc: LibcSymbols, name: string): boolean {
  const handle = libc.dlopen(terminated(name), RTLD_LAZY | RTLD_NOLOAD);
  return handle !== null && handle !== 0;
}

/**
 * Has a file loaded that is in memory only and that nobody can change. Once loaded, it is never closed: the system would
 * give its number, and so its path, to another file, and would take that one for what it has loaded by this path.
 */
export function withMemoryFile(
  libc: LibcSymbols,
  name: string,
  bytes: Uint8Array,
  load: (path: string) => void,
): void {
  const file = libc.memfd_create(terminated(name), MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (file < 0) throw new Error("the system gives no file in memory");
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
    if (!(written > 0)) throw new Error(`the file in memory took ${done} of ${bytes.length} bytes`);
    done += written;
  }
  if (libc.fcntl(file, F_ADD_SEALS, ALL_SEALS) !== 0) throw new Error("the file in memory cannot be sealed");
}

function terminated(text: string): Uint8Array {
  return new TextEncoder().encode(`${text}\0`);
}
