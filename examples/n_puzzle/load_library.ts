/** Loads the native library, and the first time builds it: that is no search's time. Not loaded where no pool is used. */
export async function loadLibrary(): Promise<typeof import("../../mod.ts")> {
  const library = await import("../../mod.ts");
  library.MemPool.init(32, 16).destroy();
  return library;
}
