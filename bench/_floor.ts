/** Builds bench/native/floor.c with the system's C compiler and loads it, on any runtime. */

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { root, scratch } from "../scripts/_project.ts";
import type { Signature } from "../src/runtime/symbols.ts";
import { foreign } from "../tests/support/foreign.ts";

/** An address, as this runtime represents it. */
type Address = unknown;

export interface Floor {
  /** The processor time of all threads of this process, in nanoseconds. */
  processorTime(): number;
  /** Makes `times` pairs of malloc and free in C. */
  pairs(bytes: number, times: number): void;
  /** Fills a set of live allocations. There are 64 sets. */
  fill(set: number, count: number, bytes: number): void;
  empty(set: number): void;
  /** Makes `times` replacements in C. */
  replaceOldest(set: number, times: number): void;
  replaceRandom(set: number, times: number): void;
  /** Whether mimalloc is installed, which is allocator 1 of the bursts. Allocator 0 is malloc. */
  hasMimalloc(): number;
  burstFill(set: number, count: number, bytes: number, allocator: number): void;
  /** Makes bursts in C: at least `pairs` frees and allocations. Returns how many. */
  burst(set: number, kind: number, allocator: number, pairs: number, order: Int32Array): number;
  nothing(): void;
  malloc(bytes: number): Address;
  free(block: Address): void;
  memory(bytes: number): Address;
  /** Makes a buffer over native memory with the function of the runtime. */
  buffer(memory: Address, offset: number, byteLength: number): ArrayBuffer;
}

let floor: Floor | undefined;

/** Returns the library, which the first call in a thread loads. */
export function loadFloor(): Floor {
  return floor ??= load(build());
}

/** The name contains the hash of the source. A file is never overwritten, because another run may have loaded it. */
function build(): string {
  const source = join(root, "bench", "native", "floor.c");
  const hash = createHash("sha256").update(readFileSync(source)).digest("hex").slice(0, 12);
  const path = join(scratch, "bench", `floor-${hash}.so`);
  if (existsSync(path)) return path;
  mkdirSync(join(scratch, "bench"), { recursive: true });
  const draft = `${path}.${process.pid}`;
  const flags = ["-std=c11", "-O2", "-fPIC", "-shared", "-fvisibility=hidden", "-o", draft];
  const { status, error } = spawnSync("cc", [...flags, source], { stdio: "inherit" });
  if (status !== 0) throw new Error(`Cannot build ${source}: ${error?.message ?? `cc exited with ${status}`}`);
  renameSync(draft, path);
  return path;
}

const SIGNATURES: Readonly<Record<keyof Symbols, Signature>> = {
  floor_processor_time: { parameters: [], result: "f64" },
  floor_pairs: { parameters: ["u32", "u32"], result: "void" },
  floor_fill: { parameters: ["u32", "u32", "u32"], result: "void" },
  floor_empty: { parameters: ["u32"], result: "void" },
  floor_replace_oldest: { parameters: ["u32", "u32"], result: "void" },
  floor_replace_random: { parameters: ["u32", "u32"], result: "void" },
  floor_has_mimalloc: { parameters: [], result: "i32" },
  floor_burst_fill: { parameters: ["u32", "u32", "u32", "u32"], result: "void" },
  floor_burst: { parameters: ["u32", "u32", "u32", "u32", "buffer"], result: "u32" },
  floor_nothing: { parameters: [], result: "void" },
  floor_malloc: { parameters: ["u32"], result: "pointer" },
  floor_free: { parameters: ["pointer"], result: "void" },
  floor_memory: { parameters: ["f64"], result: "pointer" },
};

function load(path: string): Floor {
  return { ...named(foreign.open<Symbols>(path, SIGNATURES)), buffer: foreign.buffer };
}

interface Symbols {
  readonly floor_processor_time: Floor["processorTime"];
  readonly floor_pairs: Floor["pairs"];
  readonly floor_fill: Floor["fill"];
  readonly floor_empty: Floor["empty"];
  readonly floor_replace_oldest: Floor["replaceOldest"];
  readonly floor_replace_random: Floor["replaceRandom"];
  readonly floor_has_mimalloc: Floor["hasMimalloc"];
  readonly floor_burst_fill: Floor["burstFill"];
  readonly floor_burst: Floor["burst"];
  readonly floor_nothing: Floor["nothing"];
  readonly floor_malloc: Floor["malloc"];
  readonly floor_free: Floor["free"];
  readonly floor_memory: Floor["memory"];
}

function named(symbols: Symbols): Omit<Floor, "buffer"> {
  return {
    processorTime: symbols.floor_processor_time,
    pairs: symbols.floor_pairs,
    fill: symbols.floor_fill,
    empty: symbols.floor_empty,
    replaceOldest: symbols.floor_replace_oldest,
    replaceRandom: symbols.floor_replace_random,
    hasMimalloc: symbols.floor_has_mimalloc,
    burstFill: symbols.floor_burst_fill,
    burst: symbols.floor_burst,
    nothing: symbols.floor_nothing,
    malloc: symbols.floor_malloc,
    free: symbols.floor_free,
    memory: symbols.floor_memory,
  };
}
