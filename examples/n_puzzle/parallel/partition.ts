import { REGION_BITS } from "../stores/zobrist.ts";

/**
 * The worker that owns the boards with this hash. Every board has one owner, and all owners have about the same number
 * of boards. Most children should have the owner of their parent, because handing over a state costs more than keeping
 * it. For this reason only the bits that depend on the tiles' quarters count: 8 of the 24 moves of a 4×4 board cross a
 * border.
 */
export function ownerOf(hash: number, workers: number): number {
  return (hash & (1 << REGION_BITS) - 1) * workers >> REGION_BITS;
}
