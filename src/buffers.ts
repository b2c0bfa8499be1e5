import type { Region } from "./ffi/native.ts";
import * as layout from "./layout.ts";
import { type BlockTable, isAllocated } from "./table.ts";
import type { Views } from "./views.ts";

// Constants and private fields as in src/cache.ts, for the same reasons.
const NONE = layout.NONE;

const EMPTY = new Uint8Array(0);

/** What is known of a buffer: whose it is, and over which block. */
class Mark {
  /**
   * On the buffer, EMPTY until it was freed once. Asking a view for its length is one instruction, asking a buffer is a
   * call; and both say 0 once the buffer was moved away.
   */
  view: Uint8Array = EMPTY;

  /** `block` is NONE for a buffer over the whole data area: it starts where block 0 does, and is no block. */
  constructor(readonly owner: Buffers, readonly block: number, readonly buffer: ArrayBuffer) {}
}

class Returned {
  constructor(object: object) {
    // A constructor may return another object; the subclass then adds its private fields to that one.
    return object;
  }
}

/**
 * A private field on an ArrayBuffer. It costs a nanosecond to read, and unlike a symbol property nobody sees, copies or
 * forges it. A buffer that was moved by the engine arrives without.
 */
class Stamp extends Returned {
  #mark: Mark;

  private constructor(mark: Mark) {
    super(mark.buffer);
    this.#mark = mark;
  }

  /** Stamps a buffer; one that bears a mark of an attachment that this worker has ended gets another. */
  static write(mark: Mark): void {
    if (#mark in mark.buffer) mark.buffer.#mark = mark;
    else new Stamp(mark);
  }

  static read(object: unknown): Mark | undefined {
    return typeof object === "object" && object !== null && #mark in object ? object.#mark : undefined;
  }
}

/** From blocks to ArrayBuffers and back, for one worker. */
export class Buffers {
  private readonly region: Region;
  private readonly table: BlockTable;
  private readonly blockSize: number;
  private readonly kept: (Mark | undefined)[] = [];
  /** One less than the number of places, a power of two; -1 for none. */
  private readonly mask: number;
  private wholeBuffer: ArrayBuffer | undefined;

  /** A block has one place among the kept buffers, where a later block may displace it. */
  constructor(region: Region, views: Views) {
    this.region = region;
    this.table = views.table;
    this.blockSize = views.blockSize;
    const limit = Math.min(views.header[layout.CACHED_BUFFERS]!, views.table.blockCount);
    this.mask = limit === 0 ? -1 : (1 << (31 - Math.clz32(limit))) - 1;
  }

  /** The buffer over this run, of exactly this length: the kept one if it fits. */
  over(block: number, byteLength: number): ArrayBuffer {
    const kept = this.kept[block & this.mask];
    return kept !== undefined && kept.view.length === byteLength && kept.block === block
      ? kept.buffer
      : this.overSlow(kept, block, byteLength);
  }

  /** The block that a buffer lies over which this worker has freed before; NONE where `blockOf` has to look. */
  stamped(object: unknown): number {
    const mark = Stamp.read(object);
    return mark !== undefined && mark.owner === this && mark.view.length !== 0 ? mark.block : NONE;
  }

  /** The block that a buffer, or the buffer behind a view, starts at; NONE when it is not one of this pool's. */
  blockOf(object: object): number {
    if (ArrayBuffer.isView(object)) return this.blockOf(object.buffer);
    // A buffer that was moved away is empty, and its block belongs to whoever received it.
    if (!(object instanceof ArrayBuffer) || object.byteLength === 0) return NONE;
    const mark = Stamp.read(object);
    if (mark === undefined || (mark.owner !== this && mark.block !== NONE)) return this.blockOfStranger(object);
    if (mark.view.length === 0 && mark.block !== NONE) mark.view = new Uint8Array(object);
    return mark.block;
  }

  /** One buffer over the first `byteLength` bytes of the data. */
  whole(byteLength: number): ArrayBuffer {
    if (this.wholeBuffer?.byteLength !== byteLength) {
      this.wholeBuffer = this.region.buffer(0, byteLength);
      Stamp.write(new Mark(this, NONE, this.wholeBuffer));
    }
    return this.wholeBuffer;
  }

  private overSlow(kept: Mark | undefined, block: number, byteLength: number): ArrayBuffer {
    if (kept?.block === block && kept.buffer.byteLength === byteLength) return kept.buffer;
    const buffer = this.region.buffer(block * this.blockSize, byteLength);
    this.keep(new Mark(this, block, buffer));
    return buffer;
  }

  private keep(mark: Mark): void {
    Stamp.write(mark);
    const place = mark.block & this.mask;
    if (this.mask < 0) return;
    const kept = this.kept;
    // Filled up in order: an array with holes far apart would become a slow one.
    while (kept.length <= place) kept.push(undefined);
    kept[place] = mark;
  }

  /** A buffer that another worker posted, that the engine moved, of an earlier attachment, or something foreign. */
  private blockOfStranger(buffer: ArrayBuffer): number {
    const block = this.region.offsetOf(buffer) / this.blockSize;
    if (!(block >= 0 && block % 1 === 0 && block < this.table.blockCount)) return NONE;
    if (isAllocated(this.table.loadTag(block))) {
      // Part of a block, or several blocks, start at one too, but are not what was handed out.
      if (this.table.requested(block) !== buffer.byteLength) return NONE;
      this.keep(new Mark(this, block, buffer));
    }
    return block;
  }
}
