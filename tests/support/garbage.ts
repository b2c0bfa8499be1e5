/** The collection of garbage, in programs that run with `EXPOSE_GC` of child.ts. */

interface Engine {
  readonly gc?: () => void;
  readonly Bun?: { gc(synchronously: boolean): void };
}

/** Collects garbage before it returns. */
export function collectGarbage(): void {
  const { Bun: bun, gc } = globalThis as Engine;
  if (bun === undefined) gc!();
  else bun.gc(true);
}
