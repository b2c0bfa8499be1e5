import { BlockCache } from "./cache/block_cache.ts";
import { type CLOSED, type DESTROYED, metaBytes, STATE } from "./region/layout.ts";
import { formatRegion, type Region } from "./region/region.ts";

/** What a pool object reads after it has left the pool. Another pool may have the addresses of the region by then. */
export interface Closed {
  readonly header: Int32Array;
  /**
   * For an object that leaves while other objects of its worker stay. Otherwise the worker's own cache has been closed.
   */
  readonly cache: BlockCache;
}

const byState = new Map<number, Closed>();

/** A private header in this state, and a cache that refuses every `take` and every `give`. */
export function closed(state: typeof CLOSED | typeof DESTROYED): Closed {
  let found = byState.get(state);
  if (found === undefined) byState.set(state, found = make(state));
  return found;
}

function make(state: number): Closed {
  const region = smallestRegion();
  region.header[STATE] = state;
  return {
    header: region.header,
    cache: new BlockCache({ mapping: { exchange: () => 0 }, region, slot: 0, number: 0 }),
  };
}

function smallestRegion(): Region {
  const settings = {
    blockSize: 16,
    blockCount: 1,
    blockCapacity: 1,
    warnOnMisuse: false,
    cachedBlocks: 0,
    cachedBuffers: 0,
    checked: false,
    lockTimeout: 0,
    alignment: 16,
    named: false,
  };
  return formatRegion(new ArrayBuffer(metaBytes(1, 0, false)), settings, false);
}
