/** Does something in the middle of an operation, as another worker might do it. */

import type { Lock } from "../../src/allocator/lock.ts";

type Methods<T> = { [K in keyof T]: T[K] extends (...args: never[]) => unknown ? K : never }[keyof T];

/** Calls `interfere` once, before the next call of a method or after it. */
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

/** Calls `interfere` once, before a worker next acquires the lock: for a critical section, or to look at the pool. */
export function beforeLocking(lock: Lock, interfere: () => void): void {
  once(lock as unknown as { acquire(action: string): void }, "acquire", "before", interfere);
}
