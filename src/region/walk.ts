import { type BlockTable, isAllocated } from "./block_table.ts";
import { NONE } from "./layout.ts";
import { validLength } from "./validate.ts";

/**
 * The first block of the allocated run that a block lies inside of; NONE if there is none, or if the run starts with this
 * block. Takes time proportional to the number of runs before it. The caller holds the lock.
 */
export function allocatedRunAround(table: BlockTable, block: number): number {
  let start = 0;
  for (let next = 0; next <= block; next += validLength(table, next)) start = next;
  return start < block && isAllocated(table.loadTag(start)) ? start : NONE;
}
