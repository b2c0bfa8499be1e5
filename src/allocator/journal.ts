import { NONE } from "../region/layout.ts";

/**
 * What the present call of this worker has allocated and its caller does not have yet.
 *
 * A call may throw after it has allocated: the runtime refuses to make a buffer, memory is short, or the stack is full. At
 * that moment it cannot free the blocks, because near the end of the stack it cannot call anything. So the allocator notes
 * each block here, by a plain store that cannot fail, directly after the block became allocated. The call clears the note
 * as the last thing before it returns. If a note is left, the worker's next operation frees the blocks first.
 *
 * The notes are in this worker's own memory: if the worker dies, `reap` takes its blocks back anyway.
 */
export class Journal {
  /** A single block or the first block of a run; NONE if there is none. */
  allocated: number = NONE;
  /** All blocks of an `allocMany`, NONE in the places that were not reached. */
  allocatedMany: Int32Array | undefined = undefined;
}
