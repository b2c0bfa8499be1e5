/** The rule that imports go down only, as a table and as a check of the sources against it. */

import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

interface Layer {
  readonly files: readonly string[];
  /** The layers whose files these may import. */
  readonly uses: readonly LayerName[];
  /** Whether these may import each other, as long as there is no way round in a circle. */
  readonly sideways?: boolean;
}

type LayerName =
  | "face"
  | "inspect"
  | "defaults"
  | "pool"
  | "insight"
  | "membership"
  | "operations"
  | "attachment"
  | "rooms"
  | "opener"
  | "adapters"
  | "contract"
  | "ground";

/** From the top down. Every file of src has its place here: a new one is added to a row. */
const layers: Readonly<Record<LayerName, Layer>> = {
  face: { files: ["mod.ts"], uses: ["defaults", "pool", "insight", "membership", "rooms", "ground"] },
  inspect: {
    files: inSrc(
      "inspect/mod inspect/server inspect/page inspect/http inspect/svg inspect/grid inspect/legend inspect/chart inspect/style inspect/text inspect/elements inspect/words inspect/history inspect/survey inspect/numbers",
    ),
    uses: ["rooms", "ground"],
    sideways: true,
  },
  defaults: { files: ["src/default_pool.ts"], uses: ["pool", "rooms", "ground"] },
  pool: { files: ["src/pool.ts"], uses: ["insight", "membership", "operations", "attachment", "rooms", "ground"] },
  insight: { files: ["src/insight.ts"], uses: ["membership", "rooms", "contract", "ground"] },
  membership: { files: ["src/membership.ts"], uses: ["operations", "attachment", "rooms", "ground"] },
  operations: {
    files: inSrc("operations checked_operations"),
    sideways: true,
    uses: ["attachment", "rooms", "ground"],
  },
  attachment: { files: ["src/attachment.ts"], uses: ["rooms", "opener", "contract", "ground"] },
  rooms: {
    files: inSrc(
      "options addressing ended blocks guard resizer stock sections cache run_cache supply habits sole depot reaper slots views table trust runs zero_map queue bell grants requests growth trimmer free_lists buffers lock check stats traces stack tracked watch leaks block_list summary arrays lease checked_addressing",
    ),
    uses: ["contract", "ground"],
    sideways: true,
  },
  opener: { files: ["src/ffi/open.ts"], uses: ["adapters", "contract", "ground"] },
  adapters: { files: inSrc("ffi/deno ffi/bun ffi/library ffi/versions"), uses: ["contract", "ground"] },
  contract: {
    files: inSrc("ffi/native ffi/libc ffi/prebuilt ffi/inspectors ffi/channel"),
    uses: ["ground"],
    sideways: true,
  },
  ground: { files: inSrc("layout units errors intrinsics"), uses: [], sideways: true },
};

function inSrc(names: string): string[] {
  return names.split(" ").map((name) => `src/${name}.ts`);
}

/** Only here may code name a runtime. */
const runtimeFolder = "src/ffi/";
const longest = 400;

/** Checks mod.ts and src in `folder`; returns one line for each violation. */
export function findViolations(folder: string): string[] {
  const files = sourceFiles(folder);
  const imports = new Map(files.map((file) => [file, importsOf(folder, file)]));
  return [
    ...files.flatMap((file) => violationsIn(file, readFileSync(join(folder, file), "utf8"), imports.get(file) ?? [])),
    ...findCircles(imports),
  ];
}

function sourceFiles(folder: string): string[] {
  const inside = readdirSync(join(folder, "src"), { recursive: true, encoding: "utf8" });
  const sources = inside.filter((name) => name.endsWith(".ts")).map((name) => `src/${name.replaceAll("\\", "/")}`);
  return ["mod.ts", ...sources.sort()];
}

function violationsIn(file: string, text: string, imports: readonly string[]): string[] {
  const found: string[] = [];
  const lines = text.trimEnd().split("\n").length;
  if (file.startsWith("src/") && lines > longest) found.push(`${file}: ${lines} lines, ${longest} are the limit`);

  const layer = layerOf(file);
  if (layer === undefined) return [...found, `${file}: has no layer, give it one in scripts/_layers.ts`];
  for (const imported of imports) {
    if (!mayImport(layer, layerOf(imported))) found.push(`${file}: imports ${imported}, which is not below it`);
  }
  if (!file.startsWith(runtimeFolder)) {
    for (const name of runtimesNamedIn(text)) found.push(`${file}: names ${name}, only ${runtimeFolder} may`);
  }
  return found;
}

function layerOf(file: string): LayerName | undefined {
  const names = Object.keys(layers) as LayerName[];
  return names.find((name) => layers[name].files.includes(file));
}

function mayImport(from: LayerName, to: LayerName | undefined): boolean {
  if (to === undefined) return false;
  return from === to ? layers[from].sideways === true : layers[from].uses.includes(to);
}

/** The files that `file` imports, relative to `folder`. Packages and built-in modules do not count. */
function importsOf(folder: string, file: string): string[] {
  const code = withoutComments(readFileSync(join(folder, file), "utf8"));
  const base = pathToFileURL(join(folder, file));
  const specifiers = [...code.matchAll(/\b(?:from|import)\s*\(?\s*["'](\.[^"']*)["']/g)].map((match) => match[1] ?? "");
  const paths = specifiers.map((specifier) => relative(folder, fileURLToPath(new URL(specifier, base).href)));
  return [...new Set(paths.map((path) => path.replaceAll("\\", "/")))];
}

function runtimesNamedIn(text: string): string[] {
  const code = withoutComments(text);
  const names = withoutStrings(code).match(/\b(?:Deno|Bun)\b/g) ?? [];
  const specifiers = code.match(/["'`]bun(?::\w+)?["'`]/g) ?? [];
  return [...new Set([...names, ...specifiers])];
}

/** Strings are matched too, so that what looks like a comment inside of one stays. */
function withoutComments(code: string): string {
  return code.replace(/("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\/\*[\s\S]*?\*\/|\/\/.*/g, "$1");
}

/** Messages may name a runtime. What a template literal inserts is code and stays. */
function withoutStrings(code: string): string {
  return code.replace(/"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g, '""').replace(
    /`(?:\\.|[^`\\])*`/g,
    (template) => [...template.matchAll(/\$\{([^}]*)\}/g)].map((match) => match[1]).join(";"),
  );
}

/** Follows the imports from each file; a file met again on the way down closes a circle. */
function findCircles(imports: ReadonlyMap<string, readonly string[]>): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, way: readonly string[]): void => {
    if (way.includes(file)) found.push(`${[...way.slice(way.indexOf(file)), file].join(" → ")}: imports in a circle`);
    if (way.includes(file) || done.has(file)) return;
    for (const next of imports.get(file) ?? []) visit(next, [...way, file]);
    done.add(file);
  };
  for (const file of imports.keys()) visit(file, []);
  return found;
}
