import { BlockCache } from "./cache/block_cache.ts";
import { type CLOSED, type DESTROYED, metaBytes, STATE } from "./region/layout.ts";
import { formatRegion, type Region } from "./region/region.ts";

/** What a pool object looks at once it has left: never again at the region, which may be another pool's by then. */
export interface Ended {
  readonly header: Int32Array;
  /** Only where other objects of its worker stay: otherwise the worker's own cache is closed. */
  readonly cache: BlockCache;
}

const made = new Map<number, Ended>();

/** A header of this state, and a cache that hands out nothing and takes nothing. */
export function ended(state: typeof CLOSED | typeof DESTROYED): Ended {
  let region = made.get(state);
  if (region === undefined) made.set(state, region = make(state));
  return region;
}

function make(state: number): Ended {
  const region = smallestRegion();
  region.header[STATE] = state;
  return { header: region.header, cache: new BlockCache({ exchange: () => 0 }, region, 0, 0) };
}

function smallestRegion(): Region {
  const settings = {
    blockSize: 16,
    blockCount: 1,
    blockCapacity: 1,
    metaBytes: metaBytes(1, 0, false),
    warnOnMisuse: false,
    cachedBlocks: 0,
    cachedBuffers: 0,
    checked: false,
    lockTimeout: 0,
  };
  return formatRegion(new ArrayBuffer(settings.metaBytes), settings, false);
}
