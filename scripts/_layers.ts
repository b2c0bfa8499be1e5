/** Reads the table of rooms in docs/design.md, and checks the sources against it. */

import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** What a room may import from another room. */
type Share = "all" | "types";

/** Maps the folder of each room, such as `src/cache/`, to the folders that it may import. A room may import itself. */
export type Rooms = ReadonlyMap<string, ReadonlyMap<string, Share>>;

interface Import {
  readonly file: string;
  readonly share: Share;
}

const DESIGN = "docs/design.md";

/** Only this room may name a runtime in code. */
const RUNTIME_ROOM = "src/runtime/";

/** The most lines of code in a file. Comments and blank lines do not count. */
const LONGEST_FILE = 300;

/**
 * Reads the table of rooms in a document. It has the columns "room" and "may import", whose cells name folders as code. If
 * `(types only)` follows a folder, only `import type` may import from it.
 */
export function readRooms(document: string): Rooms {
  const rows = document.split("\n").filter((line) => line.startsWith("|")).map(cellsOf);
  const start = rows.findIndex((cells) => cells.includes("room") && cells.includes("may import"));
  if (start < 0) throw new Error(`${DESIGN} has no table with the columns "room" and "may import"`);
  const header = rows[start]!;
  const rooms = new Map<string, ReadonlyMap<string, Share>>();
  for (const cells of rows.slice(start + 1)) {
    const [room] = sharesIn(cells[header.indexOf("room")] ?? "").keys();
    if (room !== undefined) rooms.set(room, sharesIn(cells[header.indexOf("may import")] ?? ""));
  }
  return rooms;
}

function cellsOf(row: string): string[] {
  return row.split("|").slice(1, -1).map((cell) => cell.trim());
}

function sharesIn(cell: string): Map<string, Share> {
  const named = [...cell.matchAll(/`(src\/[^`]*)`( \(types only\))?/g)];
  return new Map(named.map((match) => [match[1]!, match[2] === undefined ? "all" : "types"]));
}

/** Checks mod.ts and src in `folder`. Returns one line for each violation. */
export function findViolations(folder: string): string[] {
  const rooms = readRooms(readFileSync(join(folder, DESIGN), "utf8"));
  const files = sourceFiles(folder);
  const imports = new Map(files.map((file) => [file, importsOf(folder, file)]));
  return [
    ...files.flatMap((file) => {
      const text = readFileSync(join(folder, file), "utf8");
      return [...violationsIn(file, text), ...forbiddenImports(rooms, file, imports.get(file) ?? [])];
    }),
    ...findCycles(imports),
  ];
}

function sourceFiles(folder: string): string[] {
  const inside = readdirSync(join(folder, "src"), { recursive: true, encoding: "utf8" });
  const sources = inside.filter((name) => name.endsWith(".ts")).map((name) => `src/${name.replaceAll("\\", "/")}`);
  return ["mod.ts", ...sources.sort()];
}

function violationsIn(file: string, text: string): string[] {
  const found: string[] = [];
  const lines = withoutComments(text).split("\n").filter((line) => line.trim() !== "").length;
  if (lines > LONGEST_FILE) found.push(`${file}: ${lines} lines of code, the limit is ${LONGEST_FILE}`);
  if (!file.startsWith(RUNTIME_ROOM)) {
    for (const name of runtimesNamedIn(text)) found.push(`${file}: names ${name}, only ${RUNTIME_ROOM} may`);
  }
  return found;
}

function forbiddenImports(rooms: Rooms, file: string, imports: readonly Import[]): string[] {
  const room = roomOf(file);
  const allowed = rooms.get(room);
  if (allowed === undefined) return [`${file}: is in no room of ${DESIGN}`];
  const forbidden = imports.filter((imported) => {
    const share = roomOf(imported.file) === room ? "all" : allowed.get(roomOf(imported.file));
    return !(share === "all" || share === imported.share);
  });
  return forbidden.map((imported) => `${file}: imports ${imported.file}, which ${room} may not`);
}

/** The folder of a file. mod.ts belongs to the public room, because it exports the names of that room. */
function roomOf(file: string): string {
  return file === "mod.ts" ? "src/" : file.slice(0, file.lastIndexOf("/") + 1);
}

/** The files that `file` imports, relative to `folder`. Packages and built-in modules do not count. */
function importsOf(folder: string, file: string): Import[] {
  const code = withoutComments(readFileSync(join(folder, file), "utf8"));
  const base = pathToFileURL(join(folder, file));
  const statement = /(\b(?:import|export)\s+type\b[^;"']*)?\b(?:from|import)\s*\(?\s*["'](\.[^"']*)["']/g;
  return [...code.matchAll(statement)].map(([, types, specifier = ""]) => ({
    file: relative(folder, fileURLToPath(new URL(specifier, base).href)).replaceAll("\\", "/"),
    share: types === undefined ? "all" : "types",
  }));
}

function runtimesNamedIn(text: string): string[] {
  const code = withoutComments(text);
  const names = withoutStrings(code).match(/\b(?:Deno|Bun)\b/g) ?? [];
  const specifiers = code.match(/["'`](?:bun(?::\w+)?|node:(?:ffi|worker_threads))["'`]/g) ?? [];
  return [...new Set([...names, ...specifiers])];
}

/** The pattern also matches strings, so that a comment mark inside a string is kept. */
function withoutComments(code: string): string {
  return code.replace(/("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\/\*[\s\S]*?\*\/|\/\/.*/g, "$1");
}

/** Messages may name a runtime. The expressions in a template literal are code, so they stay. */
function withoutStrings(code: string): string {
  return code.replace(/"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g, '""').replace(
    /`(?:\\.|[^`\\])*`/g,
    (template) => [...template.matchAll(/\$\{([^}]*)\}/g)].map((match) => match[1]).join(";"),
  );
}

/** Follows the imports of each file. A file that is reached again on its own path closes a cycle. */
function findCycles(imports: ReadonlyMap<string, readonly Import[]>): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) found.push(`${[...path.slice(path.indexOf(file)), file].join(" → ")}: imports in a cycle`);
    if (path.includes(file) || done.has(file)) return;
    for (const next of imports.get(file) ?? []) visit(next.file, [...path, file]);
    done.add(file);
  };
  for (const file of imports.keys()) visit(file, []);
  return found;
}
