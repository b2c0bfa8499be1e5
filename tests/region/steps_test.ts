/**
 * A worker is stopped between any two stores of every operation that changes the table, and the next one finds everything
 * right: `check` passes, no block that lives has changed, none is lost, none is had twice. And bugs that are planted in the
 * steps are found.
 */

import { assert, assertMatch } from "@std/assert";
import { CACHED, LENGTH, TAG } from "../../src/region/layout.ts";
import { BlockTable, makeTag } from "../../src/region/block_table.ts";
import { effort, tell } from "../support/effort.ts";
import { test } from "../support/harness.ts";
import { BLOCK, freeing, got, OPERATIONS, type Part, Play } from "./_plays.ts";
import { thrownBy } from "../support/pool.ts";
import type { Live } from "./_rich.ts";
import type { SimWorker } from "../support/simulation.ts";
import { type End, type Prepare, stopEverywhere, stopRecovery } from "./_steps.ts";

let moments = 0;

/** Counts them, for a soak to tell. */
function told(more: number): number {
  moments += more;
  tell(`steps: stopped at ${moments} moments so far`);
  return more;
}

interface How {
  readonly checked?: boolean;
  readonly prepare?: Prepare;
}

function stop(part: (play: Play) => Part, end: End, { checked, prepare }: How = {}): number {
  const play = new Play(checked);
  return told(stopEverywhere(play.operation(part(play)), end, prepare));
}

for (const [name, part] of Object.entries(OPERATIONS)) {
  test(`steps - ${name}`, () => {
    const deaths = stop(part, "dies");
    assert(deaths > 1);
    stop(part, "is thrown out");
  });
}

/** Of each of the two that die one step of so many; in a soak of 3. */
const RECOVERIES = {
  "grow for many": 29,
  "trim": 29,
  "drain into the depot": 5,
  "recall a single block": 7,
  "reap": 13,
};

for (const [name, every] of Object.entries(RECOVERIES)) {
  test(`steps - recovery from: ${name}`, () => {
    const play = new Play();
    const deaths = told(stopRecovery(play.operation(OPERATIONS[name]!(play)), effort(every, 3)));
    assert(deaths > 50, `The two died at ${deaths} places only`);
  });
}

/** In a soak all, else one of three. */
function someOf(live: readonly Live[]): Live[] {
  return live.filter((_, place) => place % effort(3, 1) === 0);
}

/** The lengths that a run is made to have: one block, one less, one more, twice as many, one that is nowhere near. */
function lengthsFor(blocks: number): number[] {
  return [1, blocks - 1, blocks + 1, 2 * blocks, 66].filter((length, place, all) => {
    return length > 0 && length !== blocks && all.indexOf(length) === place;
  });
}

for (const end of ["dies", "is thrown out"] as const) {
  for (const checked of [false, true]) {
    test(`steps - free blocks that are held${checked ? ", in a checked pool" : ""}: the worker ${end}`, () => {
      for (const { block } of someOf(new Play(checked).live)) {
        stop(({ four }) => freeing(four, block, (actor) => actor.free(block)), end, { checked });
      }
    });
  }

  test(`steps - realloc blocks that are held: the worker ${end}`, () => {
    for (const { block, bytes } of someOf(new Play().live)) {
      for (const length of lengthsFor(Math.ceil(bytes / BLOCK))) {
        const act = (actor: SimWorker) => got(actor.allocator.resize(block, length * BLOCK));
        stop(({ four }) => ({ actor: four, act, about: [block] }), end);
      }
    }
  });
}

/** An operation with a bug that is put into it, and what finds it. */
function testPlanted(
  bug: string,
  how: How & { name: string; plant?: (actor: SimWorker) => void },
  found: RegExp,
): void {
  test(`steps - planted: ${bug}`, () => {
    const error = thrownBy(() =>
      stop(
        (play) => {
          const part = OPERATIONS[how.name]!(play);
          const act = (actor: SimWorker): void => {
            how.plant?.(actor);
            part.act(actor);
          };
          return { ...part, act };
        },
        "dies",
        how,
      )
    );
    assertMatch(String(error), found);
  });
}

testPlanted("what is left of a run is described after the store that cuts it off", {
  name: "allocate the start of a free run",
  plant: ({ region: { table } }) => {
    const { describeFree, set } = BlockTable.prototype;
    let late: (() => void) | undefined;
    table.describeFree = (first, length) => late = () => describeFree.call(table, first, length);
    table.set = (...store) => {
      const first = late;
      late = undefined;
      set.apply(table, store);
      first?.();
    };
  },
}, /After \d+ of \d+ steps: .*(the block table cannot be repaired|I\d)/);

testPlanted("a cached block has its tag before the run is cut", {
  name: "refill from several free runs",
  plant: ({ region: { table } }) => {
    const { set } = BlockTable.prototype;
    table.set = (block, field, value) => {
      if (field === LENGTH && value === 1 && table.isFree(block)) set.call(table, block, TAG, makeTag(CACHED, 1));
      set.call(table, block, field, value);
    };
  },
}, /After \d+ of \d+ steps: /);

for (const name of ["allocate the start of a free run", "free many", "recall what makes a run"]) {
  testPlanted(`nothing is recovered after a death: ${name}`, {
    name,
    prepare: ({ lock }) => void Reflect.set(lock, "tryToRecover", () => true),
  }, /After \d+ of \d+ steps: /);
}

testPlanted("the last block of a run that is handed out still says that a free one ends there", {
  name: "allocate a free run as it is",
  plant: ({ region: { table } }) => table.markAllocatedEnd = () => {},
}, /After (\d+) of \1 steps: .*invariant I5/);

testPlanted("the last block of a run that became free points to where the run began before", {
  name: "free many",
  plant: ({ region: { table } }) => table.markFreeEnd = () => {},
}, /After (\d+) of \1 steps: .*invariant I5/);
