import type { MemPool, MemPoolHandle } from "../../mod.ts";
import { loadLibrary } from "./load_library.ts";
import type { StoreName } from "./options.ts";
import type { StateStore } from "./state_store.ts";

// deno-lint-ignore no-explicit-any -- an offset or an object, and whoever runs the search does not care which
type AnyStore = StateStore<any>;

/**
 * Loads what a kind of store needs, and returns how to make one. Loaded when asked for, so that the process which
 * measures objects has neither the pool nor its library in memory. `onPool` is told of the pool that it makes.
 */
export async function loadStore(
  name: StoreName,
  onPool: (handle: MemPoolHandle) => void = () => {},
): Promise<(cells: number, memory: number) => AnyStore> {
  if (name === "objects") {
    const { ObjectStore } = await import("./stores/object_store.ts");
    return () => new ObjectStore();
  }
  if (name === "lean") {
    const { LeanStore } = await import("./stores/lean_store.ts");
    return (cells) => new LeanStore(cells);
  }
  const { RecordStore } = await import("./stores/record_store.ts");
  const { MemPool } = await loadLibrary();
  const { recordBytes } = await import("./stores/records.ts");
  const makePool = (cells: number, memory: number): MemPool => {
    const pool = MemPool.init(memory, recordBytes(cells));
    onPool(pool.handle);
    return pool;
  };
  if (name === "pool") {
    const { PoolRecords } = await import("./stores/pool_records.ts");
    return (cells, memory) => new RecordStore(new PoolRecords(makePool(cells, memory), cells), cells);
  }
  const { BufferRecords } = await import("./stores/buffer_records.ts");
  return (cells, memory) => new RecordStore(new BufferRecords(makePool(cells, memory), cells), cells);
}
