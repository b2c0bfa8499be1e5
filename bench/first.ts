/**
 * The first allocation of a block in a worker, which has to make the ArrayBuffer, against the runtime's own function
 * that makes such a buffer over native memory, at the same distances. Both sides keep all buffers of a turn, as a
 * program that needs them would: enough for several garbage collections. Each turn has a new pool.
 *
 * A pool has to recognise its buffers when they are freed, and to refuse others. The least that allows this is measured
 * too: private fields on the buffer.
 */

import { MEGABYTE, MemPool } from "../mod.ts";
import { loadFloor } from "./_floor.ts";
import { compare, type Contender, ratioOf, rowOf } from "./_measure.ts";
import type { GroupResult, Settings } from "./_types.ts";

const BYTES = 200;
const BLOCK = 256;
const OPERATIONS = 500;
const CALLS = 240;
const SIZE = 32 * MEGABYTE;

export async function run(settings: Settings): Promise<GroupResult> {
  const kept: ArrayBuffer[] = [];
  const series = await compare([runtimesOwn(kept), marked(kept), pools(kept)], settings);
  return {
    tables: [{
      title: "The first allocation of a block in a worker",
      rows: series.map((each) => rowOf(each, series, series[0]!.name)),
    }],
    measured: { "first.runtime": ratioOf(series[2]!, series[0]!) },
  };
}

function runtimesOwn(kept: ArrayBuffer[]): Contender {
  return native(kept, "the runtime's buffer over native memory", (buffer) => buffer);
}

function marked(kept: ArrayBuffer[]): Contender {
  const contender = native(kept, "the same with two private fields", (buffer, block) => {
    new Mark(buffer, kept, block);
    return buffer;
  });
  return {
    ...contender,
    after: () => {
      if (!kept.every((buffer, block) => Mark.isOf(buffer, kept, block))) {
        throw new Error("A marked buffer was not recognised");
      }
      contender.after!();
    },
  };
}

class Same {
  constructor(object: object) {
    return object;
  }
}

class Mark extends Same {
  readonly #owner: object;
  readonly #block: number;

  constructor(buffer: ArrayBuffer, owner: object, block: number) {
    super(buffer);
    this.#owner = owner;
    this.#block = block;
  }

  static isOf(buffer: object, owner: object, block: number): boolean {
    return #owner in buffer && buffer.#owner === owner && buffer.#block === block;
  }
}

function native(
  kept: ArrayBuffer[],
  name: string,
  finish: (buffer: ArrayBuffer, block: number) => ArrayBuffer,
): Contender {
  const { memory, buffer } = loadFloor();
  const start = memory(SIZE);
  return {
    name,
    operations: OPERATIONS,
    calls: CALLS,
    run: () => {
      const end = kept.length + OPERATIONS;
      for (let i = kept.length; i < end; i++) kept.push(finish(buffer(start, i * BLOCK, BYTES), i));
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
