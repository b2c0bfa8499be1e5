/** Loads the native library before a search starts, so that the time of the search does not include it. */
export async function loadLibrary(): Promise<typeof import("../../mod.ts")> {
  const library = await import("../../mod.ts");
  library.MemPool.init(32, 16).destroy();
  return library;
}
