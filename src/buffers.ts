import type { Mapping } from "./runtime/native.ts";
import { byteLengthOf, detach, lengthOfBuffer } from "./base/intrinsics.ts";
import * as layout from "./region/layout.ts";
import { type BlockTable, isAllocated } from "./region/block_table.ts";
import type { Region } from "./region/region.ts";

// Constants and private fields as in src/cache/block_cache.ts, for the same reasons.
const NONE = layout.NONE;

const EMPTY = new Uint8Array(0);

/** What a stamp bears instead of a block: on a buffer over the whole data area, which starts where block 0 does. */
const WHOLE = -2;

/** So many of the lowest places have a view. */
const MAX_VIEWS = 1024;

class Returned {
  constructor(object: object) {
    // A constructor may return another object; the subclass then adds its private fields to that one.
    return object;
  }
}

/**
 * Private fields on an ArrayBuffer: whose it is, and over which block. They cost a nanosecond to read, and unlike a symbol
 * property nobody sees, copies or forges them. A buffer that was moved by the engine arrives without.
 */
class Stamp extends Returned {
  #owner: Buffers;
  #block: number;

  private constructor(buffer: ArrayBuffer, owner: Buffers, block: number) {
    super(buffer);
    this.#owner = owner;
    this.#block = block;
  }

  /** Stamps a buffer; one that bears the stamp of an attachment that this worker has ended gets another. */
  static write(buffer: ArrayBuffer, owner: Buffers, block: number): void {
    if (!(#owner in buffer)) {
      new Stamp(buffer, owner, block);
      return;
    }
    buffer.#owner = owner;
    buffer.#block = block;
  }

  /** The block of a stamped buffer, whoever stamped it; NONE for any other object. */
  static blockOf(object: unknown): number {
    return typeof object === "object" && object !== null && #block in object ? object.#block : NONE;
  }

  /** The same for a buffer that is known to be stamped, in fewer steps. */
  static blockOfStamped(buffer: ArrayBuffer): number {
    return (buffer as unknown as Stamp).#block;
  }

  static isOwner(object: ArrayBuffer, owner: Buffers): boolean {
    return #owner in object && object.#owner === owner;
  }
}

/** From blocks to ArrayBuffers and back, for one worker. */
export class Buffers {
  declare private readonly mapping: Mapping;
  declare private readonly table: BlockTable;
  declare private readonly blockSize: number;
  private readonly kept: (ArrayBuffer | undefined)[] = [];
  /**
   * On the kept buffers of the lowest places, which are the busiest. Asking a view for its length is one instruction,
   * asking a buffer is a call; both say 0 once the buffer was moved away. Where there are many buffers, reading one more
   * object costs more than the call.
   */
  private readonly views: Uint8Array[] = [];
  /** One less than the number of places, a power of two; -1 for none. */
  declare private readonly mask: number;
  private wholeBuffer: ArrayBuffer | undefined = undefined;

  /** A block has one place among the kept buffers, where a later block may displace it. */
  constructor(mapping: Mapping, region: Region) {
    this.mapping = mapping;
    this.table = region.table;
    this.blockSize = region.blockSize;
    const limit = region.header[layout.CACHED_BUFFERS]!;
    const enough = 32 - Math.clz32(region.table.capacity - 1);
    this.mask = limit === 0 ? -1 : (1 << Math.min(31 - Math.clz32(limit), enough)) - 1;
  }

  /** The buffer over this run, of exactly this length: the kept one if it fits. */
  over(block: number, byteLength: number): ArrayBuffer {
    const place = block & this.mask;
    const kept = this.kept[place];
    return kept !== undefined && this.lengthOf(kept, place) === byteLength && Stamp.blockOfStamped(kept) === block
      ? kept
      : this.make(block, byteLength);
  }

  /** The block that a buffer lies over which this worker was given; NONE where `blockOf` has to look. */
  stamped(object: unknown): number {
    const block = Stamp.blockOf(object);
    if (block < 0) return NONE;
    const place = block & this.mask;
    return this.kept[place] === object && this.lengthOf(object as ArrayBuffer, place) !== 0 ? block : NONE;
  }

  /** The block that a buffer starts at; NONE when it is not one of this pool's. */
  blockOf(buffer: ArrayBufferLike): number {
    // Shared memory has no length here. A buffer that was moved away is empty, and its block is its receiver's.
    const byteLength = byteLengthOf(buffer) ?? 0;
    if (byteLength === 0) return NONE;
    const block = Stamp.blockOf(buffer);
    if (block === WHOLE) return NONE;
    const known = block !== NONE && Stamp.isOwner(buffer as ArrayBuffer, this);
    return known ? block : this.blockOfUntracked(buffer as ArrayBuffer, byteLength);
  }

  /** One buffer over the first `byteLength` bytes of the data. */
  whole(byteLength: number): ArrayBuffer {
    if (this.wholeBuffer === undefined || lengthOfBuffer(this.wholeBuffer) !== byteLength) {
      this.wholeBuffer = this.mapping.buffer(0, byteLength);
      Stamp.write(this.wholeBuffer, this, WHOLE);
    }
    return this.wholeBuffer;
  }

  /** Detaches the buffer over all, if there is one; says whether it is. */
  detachWhole(): boolean {
    return this.wholeBuffer === undefined || detach(this.wholeBuffer);
  }

  /** Byte length of the buffer that is kept at a place. */
  private lengthOf(kept: ArrayBuffer, place: number): number {
    return place < MAX_VIEWS ? this.views[place]!.length : lengthOfBuffer(kept);
  }

  private make(block: number, byteLength: number): ArrayBuffer {
    const buffer = this.mapping.buffer(block * this.blockSize, byteLength);
    this.keep(buffer, block);
    return buffer;
  }

  private keep(buffer: ArrayBuffer, block: number): void {
    Stamp.write(buffer, this, block);
    if (this.mask < 0) return;
    const place = block & this.mask;
    const kept = this.kept;
    // Filled up in order: an array with holes far apart would become a slow one.
    while (kept.length <= place) kept.push(undefined);
    kept[place] = buffer;
    if (place >= MAX_VIEWS) return;
    while (this.views.length < place) this.views.push(EMPTY);
    this.views[place] = new Uint8Array(buffer);
  }

  /** A buffer that another worker posted, that the engine moved, of an earlier attachment, or something foreign. */
  private blockOfUntracked(buffer: ArrayBuffer, byteLength: number): number {
    const block = this.mapping.offsetOf(buffer) / this.blockSize;
    if (!(block >= 0 && block % 1 === 0 && block < this.table.blockCount)) return NONE;
    if (isAllocated(this.table.loadTag(block))) {
      // Part of a block, or several blocks, start at one too, but are not what was handed out.
      if (this.table.requested(block) !== byteLength) return NONE;
      this.keep(buffer, block);
    }
    return block;
  }
}
