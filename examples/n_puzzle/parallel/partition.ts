import { REGION_BITS } from "../stores/zobrist.ts";

/**
 * Which worker owns the boards with this hash. Every board must have one owner, all owners about as many boards, and most
 * children the owner of their parent, because handing a state over costs more than keeping it. So only those bits count
 * that tell which quarter of the board each tile is in: of the 24 moves of a 4×4 board, 8 cross a border.
 */
export function ownerOf(hash: number, workers: number): number {
  return (hash & (1 << REGION_BITS) - 1) * workers >> REGION_BITS;
}
