/** Native libraries of the system, which are not installed everywhere. */

import { foreign } from "../support/foreign.ts";

/** Whether the system has a library with this function. */
export function hasLibrary(name: string, symbol: string): boolean {
  try {
    foreign.open(name, { [symbol]: { parameters: [], result: "void" } });
    return true;
  } catch (error) {
    if (
      error instanceof Error &&
      /open library|open shared object|register symbol|undefined symbol|not found/i.test(error.message)
    ) {
      return false;
    }
    throw error;
  }
}

/** The system's library that a program opens with `dlopen`, if it is not installed. */
export function missingLibrary(code: string): string | undefined {
  const [, name, symbol] = /dlopen\("(lib[^"]+)", \{\s*(\w+):/.exec(code) ?? [];
  return name === undefined || symbol === undefined || hasLibrary(name, symbol) ? undefined : name;
}
