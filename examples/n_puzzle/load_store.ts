import type { MemPool, MemPoolHandle } from "../../mod.ts";
import { loadLibrary } from "./load_library.ts";
import type { StoreName } from "./options.ts";
import type { StateStore } from "./state_store.ts";

// deno-lint-ignore no-explicit-any -- a reference or an object: the search works with either
type AnyStore = StateStore<any>;

/**
 * Loads one kind of store, and returns a function that makes such a store. A process that measures objects never loads
 * the pool or its library. `onPool` receives the handle of the pool that the store uses, if it uses one.
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
    const { PoolMemory } = await import("./stores/pool_memory.ts");
    return (cells, memory) => new RecordStore(new PoolMemory(makePool(cells, memory), cells), cells);
  }
  const { BufferMemory } = await import("./stores/buffer_memory.ts");
  return (cells, memory) => new RecordStore(new BufferMemory(makePool(cells, memory), cells), cells);
}
