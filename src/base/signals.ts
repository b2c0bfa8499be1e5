import { describe } from "./arguments.ts";

// Captured when the module loads, because a DOM emulator may replace the global later.
const { AbortController } = globalThis;

/** A caller's signal for the time of one call. */
export interface CallersSignal {
  /** Is aborted together with the caller's signal. The caller's code cannot reach it. */
  readonly signal: typeof globalThis extends { AbortSignal: { prototype: infer Signal } } ? Signal : object;
  /** Ends the connection between the two. Never throws. */
  release(): void;
}

/**
 * Connects a signal of the pool's own to a caller's. The caller's may be any object that does what an AbortSignal does:
 * `instanceof` would refuse the engine's signals once a DOM emulator has replaced the global class, and the emulator's
 * signals before. It is read here only, so that its getters and methods cannot run in the middle of an operation. What
 * they throw, this call throws.
 *
 * @throws {TypeError} `given` is not such an object.
 */
export function connectSignal(action: string, given: unknown): CallersSignal {
  if (!isSignal(given)) throw new TypeError(`Cannot ${action}: signal must be an AbortSignal, got ${describe(given)}`);
  const controller = new AbortController();
  const abort = (): void => controller.abort(reasonOf(given));
  if (given.aborted) abort();
  else given.addEventListener("abort", abort);
  const release = (): void => {
    try {
      given.removeEventListener("abort", abort);
    } catch {
      // The call has its result by now. A listener that stays aborts a signal that nothing waits for.
    }
  };
  return { signal: controller.signal, release };
}

function isSignal(value: unknown): value is AbortSignal {
  if (typeof value !== "object" || value === null) return false;
  const { aborted, addEventListener, removeEventListener } = value as Partial<AbortSignal>;
  return typeof aborted === "boolean" && typeof addEventListener === "function" &&
    typeof removeEventListener === "function";
}

/** What the getter of `reason` throws is the reason: no caller could catch it while the signal dispatches its event. */
function reasonOf(signal: AbortSignal): unknown {
  try {
    return signal.reason;
  } catch (error) {
    return error;
  }
}
