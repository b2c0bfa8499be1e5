import type { Region } from "./ffi/native.ts";
import { CACHED_BUFFERS, NONE } from "./layout.ts";
import { type BlockTable, isAllocated } from "./table.ts";
import type { Views } from "./views.ts";

/** What a buffer over the whole data area is stamped with: it starts where block 0 does, and is no block. */
const WHOLE = -2;

class Returned {
  constructor(object: object) {
    // A constructor may return another object; the subclass then adds its private fields to that one.
    return object;
  }
}

/**
 * Two private fields on an ArrayBuffer that say whose it is and which block it lies over. They cost 1 to 2 ns to read,
 * and unlike a symbol property nobody sees, copies or forges them. A buffer moved by the engine arrives without.
 */
class Stamp extends Returned {
  #owner: Buffers;
  #block: number;

  private constructor(buffer: ArrayBuffer, owner: Buffers, block: number) {
    super(buffer);
    this.#owner = owner;
    this.#block = block;
  }

  /** Stamps a buffer; one that has a stamp, of an attachment that this worker has ended, gets another. */
  static write(buffer: ArrayBuffer, owner: Buffers, block: number): void {
    if (!(#owner in buffer)) {
      new Stamp(buffer, owner, block);
      return;
    }
    buffer.#owner = owner;
    buffer.#block = block;
  }

  /** The block that `owner` stamped on this object, WHOLE, or NONE. */
  static read(object: object, owner: Buffers): number {
    return #owner in object && object.#owner === owner ? object.#block : NONE;
  }
}

/** From blocks to ArrayBuffers and back, for one worker. */
export class Buffers {
  readonly #region: Region;
  readonly #table: BlockTable;
  readonly #blockSize: number;
  readonly #kept: (ArrayBuffer | undefined)[] = [];
  /** One less than the number of places, a power of two; -1 for none. */
  readonly #mask: number;
  #whole: ArrayBuffer | undefined;

  /** A block has one place among the kept buffers, where a later block may displace it. */
  constructor(region: Region, views: Views) {
    this.#region = region;
    this.#table = views.table;
    this.#blockSize = views.blockSize;
    const limit = Math.min(views.header[CACHED_BUFFERS]!, views.table.blockCount);
    this.#mask = limit === 0 ? -1 : (1 << (31 - Math.clz32(limit))) - 1;
  }

  /** The buffer over this run, of exactly this length: the kept one if it fits. */
  over(block: number, byteLength: number): ArrayBuffer {
    const kept = this.#kept[block & this.#mask];
    return kept !== undefined && kept.byteLength === byteLength && Stamp.read(kept, this) === block
      ? kept
      : this.#make(block, byteLength);
  }

  /** The block that a buffer, or the buffer behind a view, starts at; NONE when it is not one of this pool's. */
  blockOf(object: object): number {
    const block = Stamp.read(object, this);
    // A buffer that was moved away is empty, and its block belongs to whoever received it.
    return block >= 0 && (object as ArrayBuffer).byteLength !== 0 ? block : this.#blockOfStranger(object);
  }

  /** One buffer over the first `byteLength` bytes of the data. */
  whole(byteLength: number): ArrayBuffer {
    if (this.#whole?.byteLength !== byteLength) {
      this.#whole = this.#region.buffer(0, byteLength);
      Stamp.write(this.#whole, this, WHOLE);
    }
    return this.#whole;
  }

  #make(block: number, byteLength: number): ArrayBuffer {
    const buffer = this.#region.buffer(block * this.#blockSize, byteLength);
    this.#keep(buffer, block);
    return buffer;
  }

  #keep(buffer: ArrayBuffer, block: number): void {
    Stamp.write(buffer, this, block);
    if (this.#mask < 0) return;
    const place = block & this.#mask;
    const kept = this.#kept;
    // Filled up in order: an array with holes far apart would become a slow one.
    while (kept.length <= place) kept.push(undefined);
    kept[place] = buffer;
  }

  /** A view, a buffer that another worker posted, or something foreign. */
  #blockOfStranger(object: object): number {
    if (ArrayBuffer.isView(object)) return this.blockOf(object.buffer);
    if (!(object instanceof ArrayBuffer) || object.byteLength === 0 || Stamp.read(object, this) !== NONE) return NONE;
    const block = this.#region.offsetOf(object) / this.#blockSize;
    if (!(block >= 0 && block % 1 === 0 && block < this.#table.blockCount)) return NONE;
    if (isAllocated(this.#table.loadTag(block))) {
      // Part of a block, or several blocks, start at one too, but are not what was handed out.
      if (this.#table.requested(block) !== object.byteLength) return NONE;
      this.#keep(object, block);
    }
    return block;
  }
}
