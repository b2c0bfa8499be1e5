/** The messages with which the library refuses an argument. */

import type { MemPoolHandle } from "mempool";
import { FORMAT, MAX_BLOCKS } from "../../src/region/layout.ts";
import type { Expectation, Kind } from "./_argument_table.ts";

/** The messages of which one must refuse a value; `shown` is the text that messages show for the value. */
export type Messages = (expected: Expectation, value: unknown, shown: string) => readonly string[];

/** The messages for a number from `least` up. `product` shows the product that a large number makes inexact. */
export function numberMessages(
  action: string,
  name: string,
  least: 0 | 1,
  product?: (value: unknown) => string,
): Messages {
  return (_, value, shown) => {
    if (typeof value !== "number") return [`Cannot ${action}: ${name} must be a number, got ${shown}`];
    const isWhole = Number.isInteger(value) && value >= least;
    if (isWhole && product !== undefined) return [`Cannot ${action}: ${product(value)}`];
    return [`Cannot ${action}: ${name} must be a whole number from ${least} up, got ${value}`];
  };
}

/** The messages for a buffer or a view that must be a block of the pool. */
export function blockMessages(action: string): Messages {
  return (expected, _, shown) => {
    if (expected === "foreign") return [`Cannot ${action} ${shown}: it is not a block of this pool`];
    if (expected === "moved") {
      return [`Cannot ${action} ${shown}: it was moved or freed elsewhere, the buffer is detached`];
    }
    if (expected === "double") return [`Cannot ${action} block at offset 0: it is already free`];
    return [`Cannot ${action}: block must be an ArrayBuffer or a view on one, got ${shown}`];
  };
}

/** The messages for an offset at which a block of the pool must start. */
export function offsetMessages(action: string): Messages {
  const number = numberMessages(action, "offset", 0);
  return (expected, value, shown) => {
    if (expected === "foreign") return [`Cannot ${action} offset ${value}: no block of this pool starts there`];
    if (expected === "double") return [`Cannot ${action} block at offset ${value}: it is already free`];
    return number(expected, value, shown);
  };
}

/** Limits of the arguments of init; each follows "Cannot init pool: ". */
const INIT_MESSAGES: Readonly<Record<string, (name: string, shown: string) => readonly string[]>> = {
  size: (name, shown) => [
    `${name} must be a number, got ${shown}`,
    `${name} must be a whole number from 1 up, got ${shown}`,
    `${name} must be a safe integer, got ${shown}`,
    `${name} must not exceed 2^47, got ${shown}`,
    `${name} / blockSize must not exceed ${MAX_BLOCKS}, got ${shown} / 64`,
    `defaultBlockSize must be smaller than size, got 64 (rounded up) and ${shown}`,
  ],
  blockSize: (name, shown) => [
    `${name} must be a number, got ${shown}`,
    `${name} must be a whole number from 1 up, got ${shown}`,
    `${name} must be a safe integer, got ${shown}`,
    `${name} must be smaller than size, got ${Math.ceil(Number(shown) / 16) * 16} (rounded up) and 65536`,
  ],
  options: (name, shown) => [`${name} must be an object, got ${shown}`],
  alignment: (name, shown) => [
    `${name} must be a number, got ${shown}`,
    `${name} must be a whole number from 1 up, got ${shown}`,
    `${name} must be a power of two from 16 to 4096, got ${shown}`,
  ],
  maxSize: (name, shown) => [
    `${name} must be a number, got ${shown}`,
    `${name} must be a whole number from 1 up, got ${shown}`,
    `${name} must be a safe integer, got ${shown}`,
    `${name} must be from size to 2^47, got ${shown} for a size of 65536`,
    `${name} / blockSize must not exceed ${MAX_BLOCKS}, got ${shown} / 64`,
  ],
  from0: (name, shown) => [
    `${name} must be a number, got ${shown}`,
    `${name} must be a whole number from 0 up, got ${shown}`,
    `${name} must not exceed 2^31 - 1, got ${shown}`,
  ],
  onMisuse: (name, shown) => [`${name} must be "throw" or "warn", got ${shown}`],
  checked: (name, shown) => [`${name} must be true or false, got ${shown}`],
};

/** The messages of init. */
export function initMessages(parameter: string, kind: Kind): Messages {
  return (_expected, _value, shown) =>
    INIT_MESSAGES[kind]!(parameter, shown).map((message) => `Cannot init pool: ${message}`);
}

/** The messages of attach for a value that is not a handle, and for a handle that leads to no pool. */
export const handleMessages: Messages = (expected, handle, shown) => {
  const notAHandle = `Cannot attach: handle must be the handle of a pool, got ${shown}`;
  if (typeof handle !== "object" || handle === null) return [notAHandle];
  if (expected === "Type") return [`${notAHandle} of another shape`];
  const { format, id } = handle as MemPoolHandle;
  if (expected === "format") {
    return [`Cannot attach to the pool: the handle's format is ${format}, this code reads ${FORMAT}`];
  }
  if (expected === "destroyed") return [`Cannot attach to pool ${id}: it is destroyed`];
  return [
    `Cannot attach to pool ${id}: it belongs to another process`,
    `Cannot attach to pool ${id}: this process has never had a pool of this id`,
  ];
};
