/** Native libraries of the system, which are not installed everywhere. */

import process from "node:process";
import { onDeno } from "../../scripts/_project.ts";

interface BunFfi {
  dlopen(path: string, symbols: Record<string, { args: string[]; returns: string }>): { close(): void };
}

/** Whether the system has a library with this function. */
export function hasLibrary(name: string, symbol: string): boolean {
  try {
    if (onDeno) Deno.dlopen(name, { [symbol]: { parameters: [], result: "void" } }).close();
    // A static import would break Deno.
    else {(process.getBuiltinModule("bun:ffi") as unknown as BunFfi).dlopen(name, {
        [symbol]: { args: [], returns: "void" },
      }).close();}
    return true;
  } catch (error) {
    if (error instanceof Error && /open library|open shared object|register symbol|not found/i.test(error.message)) {
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
