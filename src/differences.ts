import { placesFor } from "./buffers.ts";
import type { Settings } from "./options.ts";
import {
  ALIGNMENT,
  BLOCK_CAPACITY,
  CACHED_BLOCKS,
  CACHED_BUFFERS,
  INITIAL_BLOCK_COUNT,
  LOCK_TIMEOUT,
  WARN_ON_MISUSE,
} from "./region/layout.ts";
import type { Region } from "./region/region.ts";

/**
 * The first of these settings that a live pool does not have, for an error message; undefined if it has all of them.
 * What takes effect is compared. `Settings` has sizes and `cachedBlocks` as the pool rounds and limits them already.
 */
export function differenceOf({ header, blockSize, checked }: Region, wanted: Settings): string | undefined {
  const misuse = (warns: boolean): string => warns ? '"warn"' : '"throw"';
  const keepsAlike = placesFor(header[CACHED_BUFFERS]!, wanted.blockCapacity) ===
    placesFor(wanted.cachedBuffers, wanted.blockCapacity);
  const compared: readonly (readonly [string, unknown, unknown])[] = [
    ["block size", blockSize, wanted.blockSize],
    ["size", header[INITIAL_BLOCK_COUNT]! * blockSize, wanted.blockCount * wanted.blockSize],
    ["maxSize", header[BLOCK_CAPACITY]! * blockSize, wanted.blockCapacity * wanted.blockSize],
    ["checked", checked, wanted.checked],
    ["onMisuse", misuse(header[WARN_ON_MISUSE] === 1), misuse(wanted.warnOnMisuse)],
    ["alignment", header[ALIGNMENT], wanted.alignment],
    ["cachedBlocks", header[CACHED_BLOCKS], wanted.cachedBlocks],
    ["cachedBuffers", header[CACHED_BUFFERS], keepsAlike ? header[CACHED_BUFFERS] : wanted.cachedBuffers],
    ["lockTimeout", header[LOCK_TIMEOUT], wanted.lockTimeout],
  ];
  const [name, has, given] = compared.find(([, has, given]) => has !== given) ?? [];
  return name === undefined ? undefined : `its ${name} is ${has}, not ${given}`;
}
