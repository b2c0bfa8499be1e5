import type { Mapping } from "./runtime/native.ts";
import { byteLengthOf, detach, lengthOfBuffer } from "./base/intrinsics.ts";
import * as layout from "./region/layout.ts";
import { type BlockTable, isAllocated } from "./region/block_table.ts";
import type { Region } from "./region/region.ts";

// Constants, private and declared fields: the first comment of src/cache/block_cache.ts says why.
const { NONE } = layout;

const EMPTY = new Uint8Array(0);

/** In the stamp of the buffer over the whole data area, which is no block although it starts where block 0 does. */
const WHOLE = -2;

/** How many of the lowest places have a view. */
const MAX_VIEWS = 1024;

/**
 * The most bytes that kept buffers over blocks that are free may cover together. JavaScriptCore counts the length of
 * every ArrayBuffer as heap in use, and lets garbage accumulate in proportion. This is the least power of two that
 * 100,000 buffers of 256 bytes fit into. The buffers of blocks that are allocated are in the hands of the program
 * anyway.
 */
const MAX_KEPT_BYTES = 2 ** 25;

/** What of it may lie over blocks that are not in this worker's cache, which holds at most 4 MiB by default. */
const MAX_FREED_BYTES = MAX_KEPT_BYTES - 2 ** 22;

/**
 * For how many buffers a worker has places: a power of two, no more than `cachedBuffers` says, nor than so many blocks
 * need. 0 if it keeps no buffers.
 */
export function placesFor(cachedBuffers: number, blockCapacity: number): number {
  if (cachedBuffers === 0) return 0;
  return 1 << Math.min(31 - Math.clz32(cachedBuffers), 32 - Math.clz32(blockCapacity - 1));
}

/** A constructor may return another object than the new one. A subclass then adds its private fields to that object. */
class ReturnOverride {
  constructor(object: object) {
    return object;
  }
}

/**
 * Two private fields that are added to an ArrayBuffer: the `Buffers` that track it, and its block. Reading them takes a
 * nanosecond. Unlike a property, user code can neither see nor copy nor forge them. A buffer that was posted or
 * transferred arrives without them.
 */
class Stamp extends ReturnOverride {
  #owner: Buffers;
  #block: number;

  private constructor(buffer: ArrayBuffer, owner: Buffers, block: number) {
    super(buffer);
    this.#owner = owner;
    this.#block = block;
  }

  /** Stamps a buffer. If it has the stamp of an earlier attachment of this worker, the stamp is replaced. */
  static write(buffer: ArrayBuffer, owner: Buffers, block: number): void {
    if (!(#owner in buffer)) {
      new Stamp(buffer, owner, block);
      return;
    }
    buffer.#owner = owner;
    buffer.#block = block;
  }

  /** The block of a stamped buffer, whichever `Buffers` it belongs to. NONE for any other object. */
  static blockOf(object: unknown): number {
    return typeof object === "object" && object !== null && #block in object ? object.#block : NONE;
  }

  /** The block of a buffer that is known to be stamped. Saves the checks of `blockOf`. */
  static blockOfStamped(buffer: ArrayBuffer): number {
    return (buffer as unknown as Stamp).#block;
  }

  /** Whether a buffer that is known to be stamped is tracked by `owner`. */
  static isOwnerOfStamped(buffer: ArrayBuffer, owner: Buffers): boolean {
    return (buffer as unknown as Stamp).#owner === owner;
  }

  static isOwner(object: ArrayBuffer, owner: Buffers): boolean {
    return #owner in object && object.#owner === owner;
  }
}

// Constants for the fast paths: reading a method of a class takes more bytecodes.
const { blockOf: blockOfStamp, blockOfStamped, isOwnerOfStamped } = Stamp;

/**
 * From blocks to ArrayBuffers and back, for one worker. It keeps the buffers that it has made, because handing out a
 * kept buffer is far cheaper than making one. Each block has one place among the kept buffers, which it shares with
 * other blocks. What it keeps is bounded by number and by bytes.
 *
 * A buffer is tracked if it has the stamp of this object. An untracked buffer was posted by another worker, transferred
 * by the engine, made by an earlier attachment, or does not belong to this pool. It is tracked from its first call on.
 */
export class Buffers {
  declare private readonly mapping: Mapping;
  declare private readonly table: BlockTable;
  declare private readonly blockSize: number;
  private readonly kept: (ArrayBuffer | undefined)[] = [];
  /**
   * Views on the kept buffers of the lowest places, which are the busiest. Reading the length of a view is one
   * instruction, reading that of a buffer is a call; both are 0 once the buffer was transferred away. With more
   * buffers, reading one more object would cost more than the call.
   */
  private readonly views: Uint8Array[] = [];
  /** The number of places, which is a power of two, less one. -1 if no buffers are kept. */
  declare private readonly mask: number;
  /** Whether blocks share places. */
  declare private readonly shared: boolean;
  declare private readonly checked: boolean;
  private wholeBuffer: ArrayBuffer | undefined = undefined;
  /**
   * At least the bytes that the kept buffers cover. Buffers that were replaced or transferred away since the last count
   * are included.
   */
  private keptBytes = 0;
  /** At least the bytes that kept buffers over free blocks cover, except those in this worker's cache. */
  private freedBytes = 0;
  /** How many `keptBytes` there may be before they are counted again. */
  private limit = MAX_KEPT_BYTES;

  static {
    // No engine inlines a call of a proxy. While a program fills a pool, most calls of `alloc` make a buffer. V8 would
    // compile `alloc` with all of that in it, and then it would be too long for the loops that come later.
    this.prototype.make = new Proxy(this.prototype.make, {});
  }

  constructor(mapping: Mapping, region: Region) {
    this.mapping = mapping;
    this.table = region.table;
    this.blockSize = region.blockSize;
    this.checked = region.checked;
    this.mask = placesFor(region.header[layout.CACHED_BUFFERS]!, region.table.capacity) - 1;
    this.shared = this.mask < region.table.capacity - 1;
  }

  /** The buffer over this run, of exactly this length: the kept one if it fits, otherwise a new one. */
  over(block: number, byteLength: number): ArrayBuffer {
    const place = block & this.mask;
    const kept = this.kept[place];
    return kept !== undefined &&
        byteLength === (place < MAX_VIEWS ? this.views[place]!.length : lengthOfBuffer(kept)) &&
        (!this.shared || block === blockOfStamped(kept))
      ? kept
      : this.make(block, byteLength);
  }

  /**
   * The block of a tracked buffer. NONE for anything else: then `blockOf` has to decide. What is on no low place is asked
   * itself, because with many buffers the array of those that are kept is one more place far away in memory.
   */
  stamped(object: unknown): number {
    const block = blockOfStamp(object);
    if (block < 0) return NONE;
    const place = block & this.mask;
    const tracked = place < MAX_VIEWS
      ? object === this.kept[place] && this.views[place]!.length > 0
      : isOwnerOfStamped(object as ArrayBuffer, this) && lengthOfBuffer(object as ArrayBuffer) > 0;
    return tracked ? block : NONE;
  }

  /** The block that a buffer lies over. NONE if the buffer is not one of this pool. */
  blockOf(buffer: ArrayBufferLike): number {
    // A SharedArrayBuffer has no length here. A buffer that was transferred away is empty: its receiver has the block.
    const byteLength = byteLengthOf(buffer) ?? 0;
    if (byteLength === 0) return NONE;
    const block = blockOfStamp(buffer);
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

  /** Detaches the buffer over the whole data area, if there is one. Returns whether none is left attached. */
  detachWhole(): boolean {
    if (this.wholeBuffer !== undefined && !detach(this.wholeBuffer)) return false;
    this.wholeBuffer = undefined;
    return true;
  }

  /**
   * Lets go of all kept buffers. They stay valid for a caller that holds them, and their stamps still say which blocks
   * they lie over. A checked pool keeps the buffer over the whole data area, because it has to detach it in the end.
   */
  release(): void {
    // The same arrays: the engines fold fields that are assigned once.
    this.kept.length = 0;
    this.views.length = 0;
    this.keptBytes = 0;
    this.freedBytes = 0;
    this.limit = MAX_KEPT_BYTES;
    if (!this.checked) this.wholeBuffer = undefined;
  }

  /** A new buffer over this run, which is kept from now on. */
  make(block: number, byteLength: number): ArrayBuffer {
    const buffer = this.mapping.buffer(block * this.blockSize, byteLength);
    this.keep(buffer, block);
    return buffer;
  }

  private keep(buffer: ArrayBuffer, block: number): void {
    Stamp.write(buffer, this, block);
    if (this.mask < 0 || !this.makeRoom(lengthOfBuffer(buffer))) return;
    const place = block & this.mask;
    const kept = this.kept;
    // Without holes, because the engines turn an array with wide holes into a slow one.
    while (kept.length <= place) kept.push(undefined);
    kept[place] = buffer;
    if (place >= MAX_VIEWS) return;
    while (this.views.length < place) this.views.push(EMPTY);
    this.views[place] = new Uint8Array(buffer);
  }

  /**
   * Counts blocks that are about to leave this worker, so that their buffers are not soon used again. From time to time
   * this lets go of buffers over free blocks: when there may be more than the limit of them, and more than of others.
   */
  noteFreed(bytes: number): void {
    this.freedBytes += bytes;
    if (this.freedBytes > MAX_FREED_BYTES && this.freedBytes > this.keptBytes / 2) this.count();
  }

  /** Counts so many bytes more, and drops kept buffers if that is too many. Returns whether the buffer may be kept. */
  private makeRoom(bytes: number): boolean {
    if (bytes > MAX_KEPT_BYTES) return false;
    if (this.keptBytes + bytes > this.limit) this.count();
    this.keptBytes += bytes;
    return true;
  }

  /**
   * Counts the kept buffers, and drops those of blocks that are not allocated, beyond half of what is allowed. The next
   * count comes when the bytes have doubled or half of them were freed, so the walk over all places is rare.
   */
  private count(): void {
    let [bytes, free] = [0, 0];
    for (let place = 0; place < this.kept.length; place++) {
      const kept = this.kept[place];
      if (kept === undefined) continue;
      const length = lengthOfBuffer(kept);
      const isLive = isAllocated(this.table.loadTag(blockOfStamped(kept)));
      if (length === 0 || !isLive && free + length > MAX_KEPT_BYTES / 2) this.drop(place);
      else {
        bytes += length;
        if (!isLive) free += length;
      }
    }
    this.keptBytes = bytes;
    this.freedBytes = free;
    this.limit = Math.max(MAX_KEPT_BYTES, 2 * bytes);
  }

  private drop(place: number): void {
    this.kept[place] = undefined;
    if (place < this.views.length) this.views[place] = EMPTY;
  }

  /** The block of an untracked buffer, by its address. Tracks the buffer if the block is allocated. */
  private blockOfUntracked(buffer: ArrayBuffer, byteLength: number): number {
    const block = this.mapping.offsetOf(buffer) / this.blockSize;
    if (!(block >= 0 && block % 1 === 0 && block < this.table.blockCount)) return NONE;
    if (isAllocated(this.table.loadTag(block))) {
      // A buffer of another length starts at the block, but is not what was handed out.
      if (this.table.requested(block) !== byteLength) return NONE;
      this.keep(buffer, block);
    }
    return block;
  }
}
