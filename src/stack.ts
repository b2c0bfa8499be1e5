/** The files of this library, as the engines write them in stacks: as an address, and as a path. */
const OWN = [new URL(".", import.meta.url).href, decodeURIComponent(new URL(".", import.meta.url).pathname)];

const FRAMES = 16;

/** Where the library was called: the frames of a stack, without the library's own on its top. */
export function callersStack(): string {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = FRAMES;
  const text = new Error().stack ?? "";
  Error.stackTraceLimit = limit;
  const frames = text.split("\n").filter((line) => /^\s*at /.test(line));
  const first = frames.findIndex((line) => !OWN.some((own) => line.includes(own)));
  // In a program that was bundled into one file all frames look like the library's.
  return frames.slice(Math.max(first, 0)).join("\n");
}
