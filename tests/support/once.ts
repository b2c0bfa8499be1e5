/** Runs an action in the middle of an operation, where another worker could act: the same interleaving in every run. */

import type { Lock } from "../../src/allocator/lock.ts";

type Methods<T> = { [K in keyof T]: T[K] extends (...args: never[]) => unknown ? K : never }[keyof T];

/** Calls `interfere` once: before or after the next call of a method of `target`. */
export function once<T extends object>(
  target: T,
  method: Methods<T>,
  when: "before" | "after",
  interfere: () => void,
): void {
  const original = target[method] as (...args: unknown[]) => unknown;
  const put = (replacement: unknown): void =>
    void Object.defineProperty(target, method, { value: replacement, configurable: true, writable: true });
  put((...args: unknown[]) => {
    put(original);
    if (when === "before") interfere();
    const result = original.apply(target, args);
    if (when === "after") interfere();
    return result;
  });
}

/** Calls `interfere` once, before a worker next takes the lock, for a critical section or to inspect the pool. */
export function beforeLocking(lock: Lock, interfere: () => void): void {
  once(lock as unknown as { acquire(action: string): void }, "acquire", "before", interfere);
}
