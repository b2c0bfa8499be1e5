import process from "node:process";
import { AtomicsMapping, Library } from "./adapter.ts";
import { type BigintLibc, LIBC, LIBC_SIGNATURES, withNumbers } from "./libc.ts";
import type { Host } from "./native.ts";
import { type Signature, SIGNATURES, type Symbols } from "./symbols.ts";

/** The part of node:ffi that is used here, declared here so that type checks elsewhere do not need Node's types. */
interface NodeFfi {
  dlopen(path: string, signatures: Record<string, NodeSignature>): { readonly functions: Record<string, NodeFunction> };
  /** Throws if the buffer is detached. */
  getRawPointer(buffer: ArrayBuffer): bigint;
  toArrayBuffer(pointer: bigint, byteLength: number, copy: boolean): ArrayBuffer;
}

interface NodeSignature {
  readonly arguments: readonly string[];
  readonly return: string;
}

type NodeFunction = (...values: unknown[]) => unknown;

/** Node's FFI, or undefined if this Node has none. Loading it prints a warning, so this is called only when needed. */
function findFfi(): NodeFfi | undefined {
  return process.getBuiltinModule?.("node:ffi") as NodeFfi | undefined;
}

/** Whether this Node has an FFI that can be used. */
export function hasNodeFfi(): boolean {
  return findFfi() !== undefined;
}

/** Node's FFI, once a library was opened. */
let ffi: NodeFfi;

class NodeMapping extends AtomicsMapping<bigint> {
  protected override bufferAt(pointer: bigint, offset: number, byteLength: number): ArrayBuffer {
    return ffi.toArrayBuffer(pointer + BigInt(offset), byteLength, false);
  }

  protected override addressOf(buffer: ArrayBuffer): bigint {
    return ffi.getRawPointer(buffer);
  }

  /** Costs a third of what a call of mempool_offset costs. */
  override offsetOf(buffer: ArrayBuffer): number {
    const offset = Number(this.addressOf(buffer) - this.data);
    return offset >= 0 && offset < this.dataBytes ? offset : -1;
  }
}

/**
 * The number of parameters that every function is declared with. Node calls functions of up to eight through machine code
 * that it generates, and V8 compiles such a call into the function that contains it. Node 26.9 to 26.12 can crash when
 * the thread ends while V8 does that. Functions with more parameters are called in another way, which V8 does not
 * compile. Under the calling conventions of all supported platforms, C ignores arguments that it did not declare.
 */
const PARAMETERS = 9;

/** Where Node has another name for a type. */
const TYPES: Record<string, string> = { isize: "i64", usize: "u64" };

/** Opens a native library, whose functions have these signatures. */
export function open<Functions>(path: string, signatures: Readonly<Record<string, Signature>>): Functions {
  const padded: Record<string, NodeSignature> = {};
  for (const [name, { parameters, result }] of Object.entries(signatures)) {
    const types = parameters.map((type) => TYPES[type] ?? type);
    const fillers = Array<string>(PARAMETERS - types.length).fill("f64");
    padded[name] = { arguments: [...types, ...fillers], return: TYPES[result] ?? result };
  }
  ffi = findFfi()!;
  const { functions } = ffi.dlopen(path, padded);
  const called = Object.entries(signatures).map(([name, { parameters }]) => [
    name,
    withFillers(functions[name]!, parameters.length),
  ]);
  return Object.fromEntries(called) as Functions;
}

/** Passes zeros for the parameters that C did not declare. Without spread arguments, which would cost an array. */
function withFillers(call: NodeFunction, declared: number): NodeFunction {
  switch (declared) {
    case 0:
      return () => call(0, 0, 0, 0, 0, 0, 0, 0, 0);
    case 1:
      return (a) => call(a, 0, 0, 0, 0, 0, 0, 0, 0);
    case 2:
      return (a, b) => call(a, b, 0, 0, 0, 0, 0, 0, 0);
    case 3:
      return (a, b, c) => call(a, b, c, 0, 0, 0, 0, 0, 0);
    case 4:
      return (a, b, c, d) => call(a, b, c, d, 0, 0, 0, 0, 0);
    case 5:
      return (a, b, c, d, e) => call(a, b, c, d, e, 0, 0, 0, 0);
    default:
      throw new RangeError(`A native function has ${declared} parameters, which need a case here`);
  }
}

const SYSTEMS: Record<string, string> = { win32: "windows" };

/** What the search for the library needs of Node. */
export function nodeHost(): Host {
  return {
    system: SYSTEMS[process.platform] ?? process.platform,
    machine: process.arch,
    // A watcher starts a new process.
    restartsInThread: false,
    permissions: "With --permission, Node needs --allow-ffi, and where the library has to be put into a file also " +
      "--allow-fs-read and --allow-fs-write",
    permit: () => void findFfi()!.getRawPointer(new ArrayBuffer(1)),
    // Never closed, because another worker of the process may be using the library.
    load: (path) => new Library(open<Symbols<bigint>>(path, SIGNATURES), NodeMapping, Number.MAX_SAFE_INTEGER),
    libc: () => withNumbers(open<BigintLibc>(LIBC, LIBC_SIGNATURES)),
  };
}
