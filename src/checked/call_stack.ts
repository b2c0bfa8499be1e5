/**
 * The folder of the library's sources as it appears in stacks: as a URL, and as a path. Empty in a program that was
 * bundled into one file, where nothing distinguishes the library's frames from others.
 */
const OWN = /\/checked\/call_stack\.[jt]s$/.test(import.meta.url)
  ? [ownFolder().href, decodeURIComponent(ownFolder().pathname)]
  : [];

/** A frame of the engine itself, such as that of an array method. Library frames may follow it. */
const BUILTIN = /\((native:[\d:]+|<anonymous>)\)$/;

/** A frame of the runtime's own modules, which says nothing about the program: on Node, those that load and run it. */
const INTERNAL = /[ (]node:internal\//;

/** The number of frames that are recorded, those of the library included. */
const FRAMES = 16;

/**
 * The caller's stack: its frames, innermost first, one a line, without the innermost frames that belong to the library.
 */
export function callersStack(): string {
  const { stackTraceLimit, prepareStackTrace } = Error as Partial<typeof Error>;
  // A program may have frozen Error, so a failed assignment must not throw, and its prepareStackTrace may return
  // anything.
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
  const frames = stack.split("\n").filter((line) => /^\s*at /.test(line) && !INTERNAL.test(line));
  const first = frames.findIndex((frame) => !BUILTIN.test(frame) && !OWN.some((own) => frame.includes(own)));
  return frames.slice(Math.max(first, 0)).join("\n");
}

function ownFolder(): URL {
  return new URL("..", import.meta.url);
}
