/**
 * Finds the shortest paths from one corner of a grid to all its crossings, with Dijkstra's algorithm. Crossings and
 * streets are records of one pool and refer to each other; so are the entries of the heap.
 *
 *     deno run --allow-ffi examples/records/main.ts
 *     bun examples/records/main.ts
 *     node examples/records/main.ts
 */

import { MEGABYTE, MemPool } from "../../mod.ts";
import { type Grid, makeGrid } from "./grid.ts";
import { Heap } from "./heap.ts";

const SIDE = 300;

using pool = MemPool.init(16 * MEGABYTE, 32);
const grid = makeGrid(pool, SIDE);
const settled = findPaths(grid, new Heap(pool));
console.log(`crossings ${SIDE * SIDE}, streets ${grid.streetCount}, settled ${settled}`);
console.log(`the way to the far corner takes ${lengthTo(grid, SIDE * SIDE - 1)} and has ${stepsTo(grid)} streets`);

/** Gives each crossing its distance from the first one. Returns how many were reached. */
function findPaths({ crossings, streets, all }: Grid, heap: Heap): number {
  let count = 0;
  crossings.set.distance(all[0]!, 0);
  heap.push(all[0]!, 0);
  for (let crossing = heap.pop(); crossing >= 0; crossing = heap.pop()) {
    if (crossings.get.isSettled(crossing) === 1) continue;
    crossings.set.isSettled(crossing, 1);
    count++;
    const distance = crossings.get.distance(crossing);
    for (let street = crossings.get.firstStreet(crossing); street >= 0; street = streets.get.next(street)) {
      const to = streets.get.to(street);
      const farther = distance + streets.get.length(street);
      if (farther >= crossings.get.distance(to)) continue;
      crossings.set.distance(to, farther);
      crossings.set.from(to, crossing);
      heap.push(to, farther);
    }
  }
  return count;
}

function lengthTo({ crossings, all }: Grid, place: number): number {
  return crossings.get.distance(all[place]!);
}

/** The number of streets on the way to the last crossing. */
function stepsTo({ crossings, all }: Grid): number {
  let steps = -1;
  const cursor = crossings.cursor(all.at(-1));
  for (; cursor.ref >= 0; cursor.ref = cursor.from) steps++;
  return steps;
}
