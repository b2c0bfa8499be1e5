import { MemPoolError } from "../base/errors.ts";

/**
 * The oldest versions that work, the same as `engines` in package.json. Older versions of Deno crash intermittently in
 * foreign calls. Older versions of Bun copy buffers over native memory when they are transferred, or crash. Older
 * versions of Node have no FFI, or only with a flag.
 */
export const OLDEST = { Deno: "2.5.0", Bun: "1.4.0", Node: "26.9.0" } as const;

/** From this version on, Node has an FFI with a flag. */
const OLDEST_NODE_WITH_FLAG = "26.1.0";

/** Throws if this runtime is too old. Without this check it would fail later, with a less helpful error or none. */
export function requireVersion(runtime: keyof typeof OLDEST, version: string): void {
  if (compare(version, OLDEST[runtime]) >= 0) return;
  throw unsupported(`${runtime} ${version} is too old, the oldest that works is ${OLDEST[runtime]}`);
}

/** Throws if this Node has no FFI, and says what it needs: another version, a flag, or another build. */
export function requireNode(version: string, hasFfi: boolean): void {
  if (hasFfi) return;
  if (compare(version, OLDEST_NODE_WITH_FLAG) < 0) requireVersion("Node", version);
  if (compare(version, OLDEST.Node) < 0) {
    throw unsupported(`Node ${version} needs the flag --experimental-ffi, from ${OLDEST.Node} on it needs none`);
  }
  throw unsupported(`this build of Node ${version} has no node:ffi`);
}

function unsupported(why: string): MemPoolError {
  return new MemPoolError("unsupported", `Cannot load the native library: ${why}`);
}

/** Compares major, minor and patch numbers. What follows them names a build, as in 2.9.6+3b0a1f2. */
function compare(one: string, other: string): number {
  const [left, right] = [numbersIn(one), numbersIn(other)];
  const differing = left.findIndex((number, index) => number !== right[index]);
  return differing < 0 ? 0 : left[differing]! - right[differing]!;
}

function numbersIn(version: string): number[] {
  return (/^(\d+)\.(\d+)\.(\d+)/.exec(version) ?? [0, 0, 0, 0]).slice(1).map(Number);
}
