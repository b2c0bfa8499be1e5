/**
 * Stops a worker after every store of every operation that changes the block table; the next worker must find
 * everything right. _steps.ts says what that means and how to read a failure, _operations.ts lists the operations. The
 * tests named "planted" put a bug into an operation or into the recovery, and assert that this method finds it.
 */

import { assert, assertMatch } from "@std/assert";
import { CACHED, LENGTH, TAG } from "../../src/region/layout.ts";
import { BlockTable, makeTag } from "../../src/region/block_table.ts";
import { effort, tell } from "../support/effort.ts";
import { test } from "../support/harness.ts";
import { type Action, assertBlock, BLOCK, freeing, OPERATIONS, Scenario } from "./_operations.ts";
import { thrownBy } from "../support/pool.ts";
import type { LiveRun } from "./_populated_pool.ts";
import type { SimWorker } from "../support/simulation.ts";
import { type End, type Prepare, stopEverywhere, stopRecovery } from "./_steps.ts";

let moments = 0;

/** Adds to the number of moments that a soak prints. */
function count(more: number): number {
  moments += more;
  tell(`steps: stopped at ${moments} moments so far`);
  return more;
}

/** What differs from a plain run of an operation. */
interface How {
  readonly checked?: boolean;
  readonly prepare?: Prepare;
}

function stop(action: (scenario: Scenario) => Action, end: End, { checked, prepare }: How = {}): number {
  const scenario = new Scenario(checked);
  return count(stopEverywhere(scenario.operation(action(scenario)), end, prepare));
}

for (const [name, action] of Object.entries(OPERATIONS)) {
  test(`steps - ${name}`, () => {
    const deaths = stop(action, "dies");
    assert(deaths > 1);
    stop(action, "is thrown out");
  });
}

/** One in how many steps of the operation, and of the recovery after it, is tried. In a soak, it is one in three. */
const RECOVERIES = {
  "grow for many": 29,
  "trim": 29,
  "flush into the depot, by a worker that only frees": 5,
  "take over half of what another worker has cached": 7,
  "reap": 13,
};

for (const [name, every] of Object.entries(RECOVERIES)) {
  test(`steps - ${name}: two workers die, the second one in its recovery`, () => {
    const scenario = new Scenario();
    const deaths = count(stopRecovery(scenario.operation(OPERATIONS[name]!(scenario)), effort(every, 3)));
    assert(deaths > 50, `the two died at only ${deaths} pairs of moments`);
  });
}

/** In a soak all runs, otherwise every third. */
function someOf(live: readonly LiveRun[]): LiveRun[] {
  return live.filter((_, place) => place % effort(3, 1) === 0);
}

/** The lengths to which a run is resized: one block, one less, one more, twice as many, and far more. */
function lengthsFor(blocks: number): number[] {
  return [1, blocks - 1, blocks + 1, 2 * blocks, 66].filter((length, place, all) => {
    return length > 0 && length !== blocks && all.indexOf(length) === place;
  });
}

for (const end of ["dies", "is thrown out"] as const) {
  for (const checked of [false, true]) {
    test(`steps - free an allocated run${checked ? " of a checked pool" : ""}: the worker ${end}`, () => {
      for (const { block } of someOf(new Scenario(checked).live)) {
        stop(({ four }) => freeing(four, block, (actor) => actor.free(block)), end, { checked });
      }
    });
  }

  test(`steps - realloc an allocated run: the worker ${end}`, () => {
    for (const { block, bytes } of someOf(new Scenario().live)) {
      for (const length of lengthsFor(Math.ceil(bytes / BLOCK))) {
        const act = (actor: SimWorker) => assertBlock(actor.resize(block, length * BLOCK));
        stop(({ four }) => ({ actor: four, act, about: [block] }), end);
      }
    }
  });
}

/** Registers a test that plants a bug into an operation and expects it to be found with this message. */
function testPlanted(
  bug: string,
  how: How & { name: string; plant?: (actor: SimWorker) => void },
  message: RegExp,
): void {
  test(`steps - planted: ${bug}`, () => {
    const error = thrownBy(() =>
      stop(
        (scenario) => {
          const action = OPERATIONS[how.name]!(scenario);
          const act = (actor: SimWorker): void => {
            how.plant?.(actor);
            action.act(actor);
          };
          return { ...action, act };
        },
        "dies",
        how,
      )
    );
    assertMatch(String(error), message);
  });
}

testPlanted("the rest of a run is described after the store that cuts it off", {
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

testPlanted("a cached block gets its tag before its run is cut", {
  name: "refill from several free runs",
  plant: ({ region: { table } }) => {
    const { set } = BlockTable.prototype;
    table.set = (block, field, value) => {
      if (field === LENGTH && value === 1 && table.isFree(block)) set.call(table, block, TAG, makeTag(CACHED, 1));
      set.call(table, block, field, value);
    };
  },
}, /After \d+ of \d+ steps: /);

for (const name of ["allocate the start of a free run", "free many", "recall single blocks that form a run"]) {
  testPlanted(`the next worker skips the recovery: ${name}`, {
    name,
    prepare: ({ lock }) => void Reflect.set(lock, "tryToRecover", () => true),
  }, /After \d+ of \d+ steps: /);
}

testPlanted("the last block of an allocated run still claims to end a free one", {
  name: "allocate a whole free run",
  plant: ({ region: { table } }) => table.markAllocatedEnd = () => {},
}, /After (\d+) of \1 steps: .*invariant I5/);

testPlanted("the last block of a coalesced run points to the first block from before", {
  name: "free many",
  plant: ({ region: { table } }) => table.markFreeEnd = () => {},
}, /After (\d+) of \1 steps: .*invariant I5/);
