import { Addressing } from "./addressing.ts";
import { Blocks } from "./blocks.ts";
import { Buffers } from "./buffers.ts";
import { MemPoolError } from "./errors.ts";
import { DESTROYED as GONE, type Native, type Region, UNKNOWN } from "./ffi/native.ts";
import { openNative } from "./ffi/open.ts";
import { DESTROYED, FORMAT, HEADER_BYTES, LIVE, LOCK_TIMEOUT, NEXT_WORKER, STATE } from "./layout.ts";
import { Lock } from "./lock.ts";
import { checkHandle, type MemPoolHandle, type Settings } from "./options.ts";
import { formatRegion, misfit, Views } from "./views.ts";

/** Hears that the pool is destroyed. */
type Member = () => void;

/** This thread's attachments, by the pool's id. */
const attachments = new Map<number, Attachment>();

/**
 * This worker's membership in a pool: its hold on the region, its slot, its lock, its buffers. All pool objects that
 * one worker has for one pool share it.
 */
export class Attachment {
  readonly handle: MemPoolHandle;
  readonly views: Views;
  readonly lock: Lock;
  readonly blocks: Blocks;
  readonly buffers: Buffers;
  readonly addressing: Addressing;
  readonly maxBufferBytes: number;
  readonly #region: Region;
  readonly #members = new Set<Member>();

  private constructor(native: Native, region: Region, views: Views, handle: MemPoolHandle) {
    const worker = Atomics.add(views.header, NEXT_WORKER, 1);
    const slot = views.slots.take(worker);
    this.#region = region;
    this.handle = handle;
    this.views = views;
    this.maxBufferBytes = native.maxBufferBytes;
    this.lock = new Lock(region, views, worker);
    this.blocks = new Blocks(native, region, views, this.lock, slot, worker);
    this.buffers = new Buffers(region, views);
    this.addressing = new Addressing(views, this.blocks, this.buffers);
    attachments.set(handle.id, this);
  }

  /** Maps and formats a new pool. */
  static create(settings: Settings): Attachment {
    const native = openNative();
    const bytes = settings.blockCount * settings.blockSize;
    const id = native.create(settings.metaBytes, bytes);
    if (id < 0) {
      throw new MemPoolError("map-failed", `Cannot init pool: the system refused ${bytes} bytes (errno ${-id})`);
    }
    const region = native.region(native.open(id));
    region.close(); // one of the two holds, of `create` and of `open`
    const views = formatRegion(region.meta, settings, native.barrier());
    return new Attachment(native, region, views, { format: FORMAT, process: native.process, id });
  }

  /** This thread's attachment to the pool of a handle, made if there is none yet. */
  static open(given: unknown): Attachment {
    const handle = checkHandle(given);
    if (handle.format !== FORMAT) throw mismatch(`the handle's format is ${handle.format}, this code reads ${FORMAT}`);
    const native = openNative();
    if (handle.process !== native.process) throw unknown(handle, "it belongs to another process");
    const known = attachments.get(handle.id);
    if (known?.views.header[STATE] === LIVE) return known;
    const number = native.open(handle.id);
    if (number === UNKNOWN) throw unknown(handle, "this process never had it");
    if (number === GONE) throw destroyed(handle);
    const region = native.region(number);
    try {
      const wrong = misfit(region.meta, region.dataBytes);
      if (wrong !== undefined) throw mismatch(wrong);
      const views = new Views(region.meta);
      // Whoever destroys it has said so, and has yet to tell the registry.
      if (views.header[STATE] !== LIVE) throw destroyed(handle);
      return new Attachment(native, region, views, handle);
    } catch (error) {
      region.close();
      throw error;
    }
  }

  /** Counts a pool object in. `destroyed` is called when this worker leaves because the pool was destroyed. */
  addMember(destroyed: Member): void {
    this.#members.add(destroyed);
  }

  /** Counts a pool object out; the last one takes the worker out of the pool. */
  removeMember(destroyed: Member): void {
    if (!this.#members.delete(destroyed) || this.#members.size > 0) return;
    try {
      this.blocks.leave();
    } catch (error) {
      // Another worker has destroyed the pool this moment: then there is nothing left to give up.
      if (!(error instanceof MemPoolError && error.code === "destroyed")) throw error;
    } finally {
      this.#release();
    }
  }

  /** Ends the pool for everybody. */
  destroy(): void {
    const { header } = this.views;
    if (Atomics.exchange(header, STATE, DESTROYED) === LIVE) this.#region.destroy(HEADER_BYTES, header[LOCK_TIMEOUT]!);
    this.leaveDestroyed();
  }

  /** Leaves a pool that somebody destroyed, with every pool object of this worker. */
  leaveDestroyed(): void {
    if (this.#members.size === 0) return;
    for (const destroyed of this.#members) destroyed();
    this.#members.clear();
    this.#release();
  }

  #release(): void {
    if (attachments.get(this.handle.id) === this) attachments.delete(this.handle.id);
    this.#region.close();
  }
}

function mismatch(detail: string): MemPoolError {
  return new MemPoolError("format-mismatch", `Cannot attach to the pool: ${detail}`);
}

function unknown(handle: MemPoolHandle, detail: string): MemPoolError {
  return new MemPoolError("unknown-pool", `Cannot attach to pool ${handle.id}: ${detail}`);
}

function destroyed(handle: MemPoolHandle): MemPoolError {
  return new MemPoolError("destroyed", `Cannot attach to pool ${handle.id}: it is destroyed`);
}
