/** A block that another worker frees by mistake, in the middle of a call of its holder: the lists stay whole. */

import { assertEquals } from "@std/assert";
import { Bell } from "../src/bell.ts";
import { Blocks } from "../src/blocks.ts";
import { checkInvariants } from "../src/check.ts";
import type { Native, Region } from "../src/ffi/native.ts";
import { Lock } from "../src/lock.ts";
import { settingsFrom } from "../src/options.ts";
import { UNGUARDED } from "../src/guard.ts";
import { formatRegion, type Views } from "../src/views.ts";
import { test } from "./_harness.ts";

const BLOCKS = 4;

/** Two workers on a pool without a lock, of which one can be made to act right after the other's next exchange. */
function played(): { views: Views; meanwhile: (act: () => void) => void; one: Blocks; two: Blocks } {
  const settings = settingsFrom(BLOCKS * 64, 64, { cachedBlocks: BLOCKS });
  const views = formatRegion(new ArrayBuffer(settings.metaBytes), settings, false);
  let next: (() => void) | undefined;
  const exchange = (word: number, expected: number, replacement: number): number => {
    const was = Atomics.compareExchange(views.meta, word, expected, replacement);
    const act = next;
    next = undefined;
    act?.();
    return was;
  };
  const region = { lock: () => 0, unlock: () => {}, zero: () => {}, move: () => {}, exchange } as unknown as Region;
  const native = { alive: () => true, barrier: () => true } as unknown as Native;
  const join = (): Blocks => {
    const worker = views.slots.nextWorker();
    const slot = views.slots.take(worker, worker);
    return new Blocks(
      native,
      region,
      views,
      new Lock(native, region, views, worker),
      new Bell(1, 1),
      slot,
      worker,
    );
  };
  return { views, meanwhile: (act) => next = act, one: join(), two: join() };
}

test("wrong free - of a block that is just being taken by exchange: refused, as it is not allocated yet", () => {
  const { views, meanwhile, one, two } = played();
  const block = one.allocate(64);
  one.free(block);
  for (let i = 1; i < BLOCKS; i++) two.allocate(1);
  let freed: boolean | undefined;
  meanwhile(() => {
    freed = two.free(block);
    checkInvariants(views);
    two.leave();
  });
  assertEquals([one.cache.take(64), freed], [block, false]);
  checkInvariants(views);
  assertEquals([one.free(block), views.table.requested(block)], [true, 64]);
  checkInvariants(views);
});

test("wrong free - of a block that is just being resized: its words are written before it can be in a list", () => {
  const { views, one, two } = played();
  const block = one.allocate(64);
  const set = views.table.setRequested.bind(views.table);
  let freed: boolean | undefined;
  views.table.setRequested = (at, bytes) => {
    // Without the lock, which the resizing worker has, a free can do no more than this.
    if (freed === undefined) freed = two.cache.give(block);
    set(at, bytes);
  };
  assertEquals([one.resize(block, 10, UNGUARDED), freed], [block, true]);
  two.leave();
  checkInvariants(views);
  assertEquals(one.free(block), false, "it was freed, and is free");
});
