/**
 * The folder of this library, as the engines write its files in stacks: as an address, and as a path. In a program that
 * was bundled into one file nothing tells the library's frames from others.
 */
const OWN = /\/checked\/call_stack\.[jt]s$/.test(import.meta.url)
  ? [ownFolder().href, decodeURIComponent(ownFolder().pathname)]
  : [];

/** A function of the engine's: the library may have called itself through it. */
const BUILTIN = /\((native:[\d:]+|<anonymous>)\)$/;

const FRAMES = 16;

/** Where the library was called: the frames of a stack, innermost first, without the library's own. */
export function callersStack(): string {
  const { stackTraceLimit, prepareStackTrace } = Error as Partial<typeof Error>;
  // Programs may have frozen Error, and may have made stacks something that is no text.
  Reflect.set(Error, "stackTraceLimit", FRAMES);
  if (prepareStackTrace !== undefined) Reflect.set(Error, "prepareStackTrace", undefined);
  try {
    return withoutOwn(String(new Error().stack));
  } finally {
    Reflect.set(Error, "stackTraceLimit", stackTraceLimit);
    if (prepareStackTrace !== undefined) Reflect.set(Error, "prepareStackTrace", prepareStackTrace);
  }
}

function withoutOwn(stack: string): string {
  const frames = stack.split("\n").filter((line) => /^\s*at /.test(line));
  const first = frames.findIndex((frame) => !BUILTIN.test(frame) && !OWN.some((own) => frame.includes(own)));
  return frames.slice(Math.max(first, 0)).join("\n");
}

function ownFolder(): URL {
  return new URL("..", import.meta.url);
}
