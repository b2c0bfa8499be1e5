import { Allocator } from "./allocator/allocator.ts";
import { joinPool } from "./allocator/join.ts";
import type { Lock } from "./allocator/lock.ts";
import { MemPoolError } from "./base/errors.ts";
import { Buffers } from "./buffers.ts";
import type { Worker } from "./cache/worker.ts";
import { describeLeaks, type LeakInfo, listLeaks } from "./checked/leaks.ts";
import { Tracker } from "./checked/tracker.ts";
import { checkHandle, type MemPoolHandle, type Settings } from "./options.ts";
import { AWAITED, DESTROYED, FORMAT, HEADER_BYTES, STATE } from "./region/layout.ts";
import { formatRegion, misfit, Region } from "./region/region.ts";
import { checkHeader, isLive, stateError } from "./region/validate.ts";
import { type Mapping, type Native, REGION_DESTROYED, REGION_UNKNOWN } from "./runtime/native.ts";
import { openNative } from "./runtime/open.ts";
import { Wakeup } from "./runtime/wakeup.ts";

/** Hears that the pool is destroyed. */
type Member = () => void;

/** This thread's attachments, by the pool's id. */
const attachments = new Map<number, Attachment>();

/** Attachments to checked pools that ended while the system read or wrote a block of theirs. */
const lingering = new Set<Attachment>();

/**
 * This worker's membership in a pool: its hold on the region, its slot, its lock, its buffers. All pool objects that
 * one worker has for one pool share it.
 */
export class Attachment {
  readonly handle: MemPoolHandle;
  readonly region: Region;
  readonly lock: Lock;
  readonly allocator: Allocator;
  readonly buffers: Buffers;
  /** In a checked pool. */
  readonly tracker: Tracker | undefined;
  readonly maxBufferBytes: number;
  readonly #native: Native;
  readonly #mapping: Mapping;
  readonly #wakeup: Wakeup;
  readonly #members = new Set<Member>();

  private constructor(worker: Worker, handle: MemPoolHandle) {
    const { native, mapping, region } = worker;
    this.#native = native;
    this.#mapping = mapping;
    this.handle = Object.freeze(handle);
    this.region = region;
    this.maxBufferBytes = native.maxBufferBytes;
    this.#wakeup = new Wakeup(handle.process, handle.id);
    this.allocator = new Allocator(worker, this.#wakeup);
    this.lock = this.allocator.lock;
    this.buffers = new Buffers(mapping, region);
    this.tracker = region.checked ? new Tracker(handle.id, region) : undefined;
    attachments.set(handle.id, this);
  }

  /** Maps and formats a new pool. */
  static create(settings: Settings): Attachment {
    letGo();
    const native = openNative();
    const bytes = settings.blockCount * settings.blockSize;
    const most = settings.blockCapacity * settings.blockSize;
    const id = native.create(settings.metaBytes, bytes, most);
    if (id < 0) {
      throw new MemPoolError("map-failed", `Cannot init pool: the system refused ${most} bytes (errno ${-id})`);
    }
    const mapping = native.mapping(native.open(id));
    mapping.close(); // one of the two holds, of `create` and of `open`
    try {
      const region = formatRegion(mapping.meta, settings, native.barrier());
      return new Attachment(joinPool(native, mapping, region), { format: FORMAT, process: native.process, id });
    } catch (error) {
      mapping.destroy(HEADER_BYTES, settings.lockTimeout);
      mapping.close();
      throw error;
    }
  }

  /** This thread's attachment to the pool of a handle, made if there is none yet. */
  static open(given: unknown): Attachment {
    const handle = checkHandle(given);
    if (handle.format !== FORMAT) throw mismatch(`the handle's format is ${handle.format}, this code reads ${FORMAT}`);
    const native = openNative();
    if (handle.process !== native.process) throw unknown(handle, "it belongs to another process");
    const known = attachments.get(handle.id);
    if (known !== undefined && isLive(known.region.header)) {
      checkHeader(known.region);
      return known;
    }
    const number = native.open(handle.id);
    if (number === REGION_UNKNOWN) throw unknown(handle, "this process has never had a pool of this id");
    if (number === REGION_DESTROYED) throw destroyed(handle);
    const mapping = native.mapping(number);
    try {
      const wrong = misfit(mapping.meta, mapping.dataBytes);
      if (wrong !== undefined) throw mismatch(wrong);
      const region = new Region(mapping.meta);
      checkHeader(region);
      // Whoever destroys it has said so, and has yet to tell the registry.
      if (region.header[STATE] === DESTROYED) throw destroyed(handle);
      if (!isLive(region.header)) throw stateError("attach", region.header[STATE]!);
      return new Attachment(joinPool(native, mapping, region), handle);
    } catch (error) {
      mapping.close();
      throw error;
    }
  }

  /** Counts a pool object in. `destroyed` is called when this worker leaves because the pool was destroyed. */
  addMember(destroyed: Member): void {
    this.#members.add(destroyed);
  }

  /** Counts a pool object out; the last one takes the worker out of the pool. Says whether the worker has left. */
  removeMember(destroyed: Member): boolean {
    const last = this.#members.delete(destroyed) && this.#members.size === 0;
    if (!last) return this.#members.size === 0;
    try {
      this.tracker?.retry(this.allocator);
      this.allocator.leave();
    } catch (error) {
      // Another worker has destroyed the pool this moment: then there is nothing left to give up.
      if (!(error instanceof MemPoolError && error.code === "destroyed")) throw error;
    } finally {
      this.#end();
      this.#mapping.close();
    }
    return true;
  }

  /** Of a checked pool. */
  listLeaks(): LeakInfo[] {
    return this.tracker === undefined ? [] : listLeaks(this.lock, this.region, this.tracker.log);
  }

  /** Counts out a pool object that nobody can reach any more. If it was the pool's last, what it leaks stays for ever. */
  dropMember(destroyed: Member): void {
    const leaks = this.#members.size === 1 && this.#isAlone() ? this.#describeLeaks() : "";
    try {
      this.removeMember(destroyed);
    } catch (error) {
      if (!(error instanceof MemPoolError)) throw error;
      this.#warn("garbage-collected", error.message); // nobody called, so nobody could catch it
    }
    this.#warn("garbage-collected", leaks);
  }

  /** Ends the pool for everybody. */
  destroy(): void {
    const { header } = this.region;
    const leaks = this.#describeLeaks();
    const before = Atomics.exchange(header, STATE, DESTROYED);
    if (before !== DESTROYED) this.#mapping.destroy(HEADER_BYTES, this.lock.timeout);
    if (before === AWAITED) this.#wakeup.wakeOthers();
    this.leaveDestroyed();
    this.#warn("destroyed", leaks);
  }

  /** Leaves a pool that somebody destroyed, with every pool object of this worker. */
  leaveDestroyed(): void {
    if (this.#members.size === 0) return;
    for (const destroyed of this.#members) destroyed();
    this.#members.clear();
    this.#end();
    this.letGo();
  }

  /** Gives up its hold on a destroyed pool's region; of a checked pool, once all of this worker's buffers are detached. */
  letGo(): void {
    const isDetached = this.tracker === undefined ||
      [this.tracker.detachAll(), this.buffers.detachWhole()].every(Boolean);
    if (!isDetached) lingering.add(this);
    else {
      lingering.delete(this);
      this.#mapping.close();
    }
  }

  /** What is still allocated in a checked pool, for people; "" when nothing is. */
  #describeLeaks(): string {
    if (this.tracker === undefined || !isLive(this.region.header)) return "";
    try {
      return describeLeaks(this.listLeaks());
    } catch (error) {
      if (!(error instanceof MemPoolError)) throw error;
      return `leaks unknown: ${error.message}`;
    }
  }

  #warn(when: string, what: string): void {
    if (what !== "") console.warn(`mempool: pool ${this.handle.id} ${when}: ${what}`);
  }

  /** Whether no other worker that still runs is attached. */
  #isAlone(): boolean {
    const { slots } = this.region;
    let living = 0;
    for (let slot = 0; slot < slots.used; slot++) {
      if (slots.worker(slot) !== 0 && this.#native.alive(slots.thread(slot))) living++;
    }
    return living <= 1;
  }

  /** Before the hold on the region is given up: then it may become another pool's. */
  #end(): void {
    this.allocator.cache.close();
    if (attachments.get(this.handle.id) === this) attachments.delete(this.handle.id);
  }
}

/** The range of addresses of a region that was let go may become another pool's. */
function letGo(): void {
  for (const attachment of lingering) attachment.letGo();
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
