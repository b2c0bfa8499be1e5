/**
 * The first allocation of a block in a worker, whose ArrayBuffer must be made, against the runtime's own making of such
 * a buffer over native memory, at the same distances. Both keep all of a turn's buffers, as a program that needs them
 * does. The pool is a new one in each turn.
 */

import { MEGABYTE, MemPool } from "../mod.ts";
import { loadFloor } from "./_floor.ts";
import { compare, type Contender, ratioOf, rowOf } from "./_measure.ts";
import type { GroupResult, Settings } from "./_types.ts";

const BYTES = 200;
const BLOCK = 256;
const OPERATIONS = 500;
const CALLS = 20;
const SIZE = 16 * MEGABYTE;

export async function run(settings: Settings): Promise<GroupResult> {
  const kept: ArrayBuffer[] = [];
  const series = compare([runtimesOwn(kept), pools(kept)], settings);
  return {
    tables: [{
      title: "The first allocation of a block in a worker",
      rows: series.map((each) => rowOf(each, series, series[0]!.name)),
    }],
    measured: { "first.runtime": ratioOf(series[1]!, series[0]!) },
  };
}

function runtimesOwn(kept: ArrayBuffer[]): Contender {
  const { memory, buffer } = loadFloor();
  const start = memory(SIZE);
  return {
    name: "the runtime's buffer over native memory",
    operations: OPERATIONS,
    calls: CALLS,
    run: () => {
      const end = kept.length + OPERATIONS;
      for (let i = kept.length; i < end; i++) kept.push(buffer(start, i * BLOCK, BYTES));
    },
    after: () => {
      kept.length = 0;
    },
  };
}

function pools(kept: ArrayBuffer[]): Contender {
  let pool: MemPool | undefined;
  return {
    name: "alloc of a block for the first time",
    operations: OPERATIONS,
    calls: CALLS,
    before: () => {
      pool = MemPool.init(SIZE, BLOCK);
    },
    run: () => {
      for (let i = 0; i < OPERATIONS; i++) kept.push(pool!.alloc(BYTES)!);
    },
    after: () => {
      kept.length = 0;
      pool!.destroy();
    },
  };
}
