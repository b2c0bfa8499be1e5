import { Allocator } from "./allocator/allocator.ts";
import { type Hooks, NO_HOOKS } from "./allocator/hooks.ts";
import { endIfAlone, joinPool } from "./allocator/join.ts";
import type { Lock } from "./allocator/lock.ts";
import { MemPoolError } from "./base/errors.ts";
import { reserveStack } from "./base/stack.ts";
import { Buffers } from "./buffers.ts";
import type { Worker } from "./cache/worker.ts";
import { callersStack } from "./checked/call_stack.ts";
import { describeLeaks, type LeakInfo, listLeaks } from "./checked/leaks.ts";
import { Tracker } from "./checked/tracker.ts";
import { recordPlace } from "./evaluation.ts";
import { destroyLeftBehind, destroyUnattached, forgetMade, listenForEnd, rememberMade } from "./made.ts";
import { checkHandle, type MemPoolHandle, type Settings } from "./options.ts";
import { isAllocated } from "./region/block_table.ts";
import { AWAITED, CLOSED, DESTROYED, FORMAT, HEADER_BYTES, HIGH_WATER, STATE } from "./region/layout.ts";
import { formatRegion, misfit, Region } from "./region/region.ts";
import { checkHeader, isLive, stateError } from "./region/validate.ts";
import { type Mapping, type Native, REGION_DESTROYED, REGION_UNKNOWN } from "./runtime/native.ts";
import { openNative } from "./runtime/open.ts";
import { Wakeup } from "./runtime/wakeup.ts";

/** What stands for a pool object: called when this worker leaves the pool without the object's doing. */
type OnEnd = (state: typeof CLOSED | typeof DESTROYED) => void;

/** This thread's attachments, by the pool's id. */
const attachments = new Map<number, Attachment>();

/** Attachments to destroyed checked pools that still have their mapping, because one of their buffers is in use. */
const lingering = new Set<Attachment>();

/** No units: the pool gets no name. */
const NO_NAME = new Uint16Array(0);

/**
 * This worker's membership in a pool: its mapping of the region, its slot, its lock, its buffers. All pool objects that
 * one worker has for one pool share it.
 */
export class Attachment {
  readonly handle: MemPoolHandle;
  readonly region: Region;
  readonly lock: Lock;
  readonly allocator: Allocator;
  readonly buffers: Buffers;
  /** Only in a checked pool. */
  readonly tracker: Tracker | undefined;
  readonly maxBufferBytes: number;
  readonly #native: Native;
  readonly #mapping: Mapping;
  readonly #wakeup: Wakeup;
  readonly #members = new Set<OnEnd>();
  /** Whether this thread has made the pool, and had no pool object for it yet. */
  #isNew = false;
  readonly #endPlace: () => void;

  private constructor(worker: Worker, handle: MemPoolHandle, tracker: Tracker | undefined) {
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
    this.allocator.onFreed = (blocks) => this.buffers.noteFreed(blocks * region.blockSize);
    this.tracker = tracker;
    attachments.set(handle.id, this);
    this.#endPlace = recordPlace(handle, () => this.#yield());
  }

  /** Maps and formats a new pool without a name. */
  static create(settings: Settings): Attachment {
    listenForEnd();
    const attachment = Attachment.createNamed(settings, NO_NAME)!;
    const { handle } = attachment;
    rememberMade(handle, () => {
      const attached = attachments.get(handle.id);
      if (attached !== undefined) attached.destroy();
      else destroyUnattached(openNative(), handle.id);
    });
    return attachment;
  }

  /**
   * Maps and formats a new pool. Until `publish`, the last step, its region is a draft, which ends with this thread.
   * Returns undefined if another thread has made a pool of this name meanwhile.
   */
  static createNamed(settings: Settings, name: Uint16Array): Attachment | undefined {
    reserveStack();
    closeLingering();
    const native = openNative();
    destroyLeftBehind(native);
    const bytes = settings.blockCount * settings.blockSize;
    const most = settings.blockCapacity * settings.blockSize;
    const id = native.create(settings.metaBytes, bytes, most);
    if (id < 0) {
      if (native.find(name) !== 0) return undefined; // there may be memory for one such pool and not for two
      const action = settings.named ? "open" : "init";
      throw new MemPoolError("map-failed", `Cannot ${action} pool: the system refused ${most} bytes (errno ${-id})`);
    }
    const mapping = native.mapping(native.open(id));
    mapping.close(); // `create` and `open` each opened the region, and one of the two is enough
    const attachment = closingUnless(mapping, () => {
      const region = formatRegion(mapping.meta, settings, native.barrier());
      return Attachment.join(native, mapping, region, { format: FORMAT, process: native.process, id });
    });
    if (mapping.publish(name) === id) {
      attachment.#isNew = true;
      return attachment;
    }
    attachment.#end();
    mapping.close(); // the draft ends
    return undefined;
  }

  /** Returns this thread's attachment to the pool of a handle. If there is none yet, the thread joins the pool. */
  static open(given: unknown): Attachment {
    reserveStack();
    const handle = checkHandle(given);
    if (handle.format !== FORMAT) throw mismatch(`the handle's format is ${handle.format}, this code reads ${FORMAT}`);
    const native = openNative();
    if (handle.process !== native.process) throw unknown(handle, "it belongs to another process");
    const known = Attachment.known(handle.id);
    if (known !== undefined) return known;
    const number = native.open(handle.id);
    if (number === REGION_UNKNOWN) throw unknown(handle, "this process has never had a pool of this id");
    if (number === REGION_DESTROYED) throw destroyed(handle);
    return closingUnless(native.mapping(number), (mapping) => {
      const region = regionOf(mapping);
      // Another worker is destroying the pool at this moment: the state says so before the native registry does.
      if (region.header[STATE] === DESTROYED) throw destroyed(handle);
      if (!isLive(region.header)) throw stateError("attach", region.header[STATE]!);
      return Attachment.join(native, mapping, region, handle);
    });
  }

  /** This thread's attachment to a live pool, if there is one. */
  static known(id: number): Attachment | undefined {
    const known = attachments.get(id);
    if (known === undefined || !isLive(known.region.header)) return undefined;
    checkHeader(known.region);
    return known;
  }

  /** Makes this thread a worker of the pool. */
  static join(native: Native, mapping: Mapping, region: Region, handle: MemPoolHandle): Attachment {
    const makeBuffer = (offset: number, byteLength: number): ArrayBuffer => mapping.buffer(offset, byteLength);
    const tracker = region.checked ? new Tracker(handle.id, region, makeBuffer) : undefined;
    const worker = joinPool(native, mapping, region, region.named ? hooksFor(tracker) : undefined);
    return new Attachment(worker, handle, tracker);
  }

  /** Leaves a pool that this thread knows to be destroyed, if it is attached to it. */
  static leaveDestroyed(id: number): void {
    attachments.get(id)?.leaveDestroyed();
  }

  /** Counts a pool object in. */
  addMember(member: OnEnd): void {
    this.#members.add(member);
    this.#isNew = false;
  }

  /**
   * Undoes the call that has made or joined the pool, because it cannot make a pool object. A new pool ends, unless
   * another thread has opened it by its name meanwhile.
   */
  undo(): void {
    if (this.#members.size > 0) return; // the thread was attached before
    const ended = this.#isNew ? endIfAlone(this.#native, this.#mapping, this.region) : undefined;
    if (ended === undefined) return this.#leave();
    this.#mapping.destroy(HEADER_BYTES, this.lock.timeout);
    if (ended === AWAITED) this.#wakeup.wakeOthers();
    this.#end();
    this.#mapping.close();
  }

  /**
   * Counts a pool object out. With its last object, the worker leaves the pool. Returns whether the worker has left.
   */
  removeMember(member: OnEnd): boolean {
    const last = this.#members.delete(member) && this.#members.size === 0;
    if (!last) return this.#members.size === 0;
    this.#leave();
    this.tracker?.report();
    return true;
  }

  #leave(): void {
    try {
      this.tracker?.retry(this.allocator);
      this.allocator.leave();
    } catch (error) {
      // If another worker destroys the pool at this moment, there is nothing left to give up.
      if (!(error instanceof MemPoolError && error.code === "destroyed")) throw error;
    } finally {
      this.#end();
      this.#mapping.close();
    }
  }

  /**
   * How many records of a layout are allocated. Only a checked pool knows the layout of an allocation; elsewhere all
   * allocations of the same length count. Takes no lock, because printing must neither wait nor fail.
   */
  countRecords({ byteLength, name }: { readonly byteLength: number; readonly name: string }): number {
    const { table, header } = this.region;
    const log = this.tracker?.log;
    const end = Math.min(header[HIGH_WATER]!, table.blockCount);
    let count = 0;
    for (let block = 0; block < end; block++) {
      if (!isAllocated(table.tag(block)) || table.requested(block) !== byteLength) continue;
      if (log === undefined || (!log.isFreed(block) && log.recordOf(block) === name)) count++;
    }
    return count;
  }

  /** The leaks of a checked pool. */
  listLeaks(): LeakInfo[] {
    return this.tracker === undefined ? [] : listLeaks(this.lock, this.region, this.tracker.log);
  }

  /**
   * Counts out a pool object that was garbage-collected. If it was the pool's last, nothing can free its blocks any
   * more, so they are reported.
   */
  dropMember(member: OnEnd): void {
    const leaks = this.#members.size === 1 && this.#isAlone() ? this.#findMistakes() : "";
    try {
      this.removeMember(member);
    } catch (error) {
      if (!(error instanceof MemPoolError)) throw error;
      this.#warn("garbage-collected", error.message); // no caller can catch it
    }
    this.#warn("garbage-collected", leaks);
  }

  /** Ends the pool in every worker. */
  destroy(): void {
    const { header } = this.region;
    const leaks = this.#findMistakes();
    const before = Atomics.exchange(header, STATE, DESTROYED);
    if (before !== DESTROYED) this.#mapping.destroy(HEADER_BYTES, this.lock.timeout);
    if (before === AWAITED) this.#wakeup.wakeOthers();
    this.leaveDestroyed();
    this.tracker?.report();
    this.#warn("destroyed", leaks);
  }

  /** Leaves a destroyed pool, with every pool object of this worker. */
  leaveDestroyed(): void {
    if (this.#members.size === 0) return;
    this.#endMembers(DESTROYED);
    this.#end();
    this.closeMapping();
  }

  /** Leaves the pool with everything that this worker holds, because a later evaluation takes its place. */
  #yield(): void {
    const live = isLive(this.region.header);
    this.#endMembers(live ? CLOSED : DESTROYED);
    try {
      if (live) this.allocator.yield(hooksFor(this.tracker));
    } catch (error) {
      if (!(error instanceof MemPoolError && error.code === "destroyed")) throw error;
    }
    this.#end();
    if (live) this.#mapping.close();
    else this.closeMapping();
    this.tracker?.report();
  }

  #endMembers(state: typeof CLOSED | typeof DESTROYED): void {
    for (const onEnd of this.#members) onEnd(state);
    this.#members.clear();
  }

  /** Closes the mapping of a destroyed pool; in a checked pool, only once all of this worker's buffers are detached. */
  closeMapping(): void {
    const isDetached = this.tracker === undefined ||
      [this.tracker.detachAll(), this.buffers.detachWhole()].every(Boolean);
    if (!isDetached) lingering.add(this);
    else {
      lingering.delete(this);
      this.#mapping.close();
    }
  }

  /**
   * At the end of a checked pool: finds late writes, for the tracker to report, and returns a report on what is still
   * allocated. "" if nothing is, or if the pool is not checked.
   */
  #findMistakes(): string {
    const { tracker } = this;
    if (tracker === undefined || !isLive(this.region.header)) return "";
    try {
      const leaks = describeLeaks(this.listLeaks());
      this.lock.inspect("look for late writes", () => tracker.findLateWrites());
      return leaks;
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

  /** Must precede the closing of the mapping: after that, the range of addresses may become another pool's. */
  #end(): void {
    this.allocator.cache.close();
    this.buffers.release();
    if (attachments.get(this.handle.id) === this) attachments.delete(this.handle.id);
    if (!isLive(this.region.header)) forgetMade(this.handle);
    this.#endPlace();
  }
}

/**
 * Closes the mappings of destroyed pools whose buffers can be detached by now. A new pool may use their addresses
 * again.
 */
function closeLingering(): void {
  for (const attachment of lingering) attachment.closeMapping();
}

/** Calls `use`, and closes the mapping if that throws. */
function closingUnless<Result>(mapping: Mapping, use: (mapping: Mapping) => Result): Result {
  try {
    return use(mapping);
  } catch (error) {
    mapping.close();
    throw error;
  }
}

/** The region of a mapping. Throws if this version cannot have made it, or if its header is damaged. */
export function regionOf(mapping: Mapping): Region {
  const wrong = misfit(mapping.meta, mapping.dataBytes);
  if (wrong !== undefined) throw mismatch(wrong);
  const region = new Region(mapping.meta);
  checkHeader(region);
  return region;
}

/** The hooks with which this worker takes back blocks that their worker has not freed. */
function hooksFor(tracker: Tracker | undefined): Hooks {
  if (tracker === undefined) return NO_HOOKS;
  const stack = callersStack();
  return { ...NO_HOOKS, leaves: (block) => tracker.leaves(block, stack) };
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
