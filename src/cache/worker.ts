import type { Region } from "../region/region.ts";
import type { Mapping, Native } from "../runtime/native.ts";

/** One worker that is attached to one pool: what every structure of that worker is made from. */
export interface Worker {
  readonly native: Native;
  /** The runtime's access to the region: addresses, buffers and the lock itself. */
  readonly mapping: Mapping;
  /** This worker's typed arrays over the region's words. */
  readonly region: Region;
  /** The worker's place in the header; NONE while it is still joining the pool. */
  readonly slot: number;
  /** The worker's number, which no other worker of the pool ever had. */
  readonly number: number;
}
