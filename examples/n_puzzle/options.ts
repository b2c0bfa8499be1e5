import { parseArgs } from "node:util";
import { MAX_SIZE, MIN_SIZE, parsePuzzle, type Puzzle, randomPuzzle, UsageError } from "./puzzle.ts";
import { DEFAULT_POOL, inspectedPool, largestPool, SMALLEST_POOL } from "./pool_size.ts";
import { parseByteSize, writeByteSize } from "./units.ts";

export const STORES = ["pool", "buffers", "lean", "objects"] as const;
export type StoreName = typeof STORES[number];

export interface Options {
  readonly help: boolean;
  readonly json: boolean;
  /** Whether to serve a page that shows the pool. */
  readonly inspect: boolean;
  readonly puzzle: Puzzle;
  readonly stores: readonly StoreName[];
  /** The size of the pool in bytes. This is address space; memory is used only when a state needs it. */
  readonly memory: number;
  /** How many workers search in the pool together, if the command line says so. */
  readonly workers: number | undefined;
}

const DEFAULT_SIZE = 4;
/**
 * Gives a search of about a second. On larger boards, walks of this length often lead to searches that are too large.
 */
const defaultMoves = (size: number): number => size <= 4 ? 110 : 60;
const DEFAULT_SEED = 1;
const MAX_WORKERS = 64;

export const HELP =
  `Solves a sliding-tile puzzle with A*, and measures how the way to store the states changes time and memory.

  --puzzle "5 1 … 0"   the puzzle: n·n numbers, row by row, 0 for the blank; n is from ${MIN_SIZE} to ${MAX_SIZE}
  --size n             without --puzzle: a random puzzle of n·n cells (default ${DEFAULT_SIZE}),
  --moves n              this many random moves from the goal (default ${defaultMoves(4)}; ${
    defaultMoves(5)
  } above 4×4),
  --seed n               chosen by this number (default ${DEFAULT_SEED})
  --store name         ${STORES.join(", ")} or all (default): how the states are stored
  --memory size        the size of the pool, such as 512MiB (default ${DEFAULT_POOL}); only memory that is used is taken
  --workers n          how many workers, up to ${MAX_WORKERS}, share the pool and search together (default 1)
  --inspect            serve a page that shows how the search fills the pool, slowed down at first; for a single store
                       (default pool), with a smaller pool (default ${inspectedPool(1)}; ${
    inspectedPool(2)
  } for several workers)
  --json               print one line of JSON for each store, and nothing else, on standard output
  --help               print this text
`;

/** Reads the command line. Throws `UsageError` if it has a mistake. */
export function readOptions(args: string[]): Options {
  const values = parse(args);
  const puzzle = values.puzzle === undefined ? readRandomPuzzle(values) : readGivenPuzzle(values);
  const inspect = values.inspect ?? false;
  const stores = inspect ? readInspected(values.store ?? "pool") : readStores(values.store ?? "all");
  const workers = readWorkers(values.workers, stores);
  const memory = values.memory ?? (inspect ? inspectedPool(workers ?? 1) : DEFAULT_POOL);
  return {
    help: values.help ?? false,
    json: values.json ?? false,
    inspect,
    puzzle,
    stores,
    workers,
    memory: readMemory(memory, largestPool(puzzle.tiles.length)),
  };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        puzzle: { type: "string" },
        size: { type: "string" },
        moves: { type: "string" },
        seed: { type: "string" },
        store: { type: "string" },
        memory: { type: "string" },
        workers: { type: "string" },
        inspect: { type: "boolean" },
        json: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    }).values;
  } catch (error) {
    // The rest of the message explains positional arguments, which this program does not have.
    const [problem] = (error as Error).message.split(/\. |\n/);
    throw new UsageError(`${problem}; --help lists the options`);
  }
}

type Values = ReturnType<typeof parse>;

function readGivenPuzzle(values: Values): Puzzle {
  for (const name of ["size", "moves", "seed"] as const) {
    if (values[name] !== undefined) throw new UsageError(`Cannot use --${name} together with --puzzle`);
  }
  return parsePuzzle(values.puzzle!);
}

function readRandomPuzzle(values: Values): Puzzle {
  const size = readNumber("size", values.size, DEFAULT_SIZE, MIN_SIZE, MAX_SIZE);
  return randomPuzzle(
    size,
    readNumber("moves", values.moves, defaultMoves(size), 0, 1_000_000),
    readNumber("seed", values.seed, DEFAULT_SEED, 0, 2 ** 32 - 1),
  );
}

function readNumber(name: string, text: string | undefined, standard: number, lowest: number, highest: number): number {
  if (text === undefined) return standard;
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  if (value >= lowest && value <= highest) return value;
  throw new UsageError(
    `Cannot use --${name} ${JSON.stringify(text)}: it must be a whole number from ${lowest} to ${highest}`,
  );
}

function readStores(name: string): readonly StoreName[] {
  if (name === "all") return STORES;
  const store = STORES.find((each) => each === name);
  if (store === undefined) {
    throw new UsageError(`Cannot use --store ${JSON.stringify(name)}: it must be ${STORES.join(", ")} or all`);
  }
  return [store];
}

/** The page shows one pool. */
function readInspected(name: string): readonly StoreName[] {
  const stores = readStores(name);
  if (stores.length === 1 && hasPool(stores[0]!)) return stores;
  throw new UsageError(
    `Cannot use --inspect with --store ${name}: it shows one pool, so the store must be pool or buffers`,
  );
}

function hasPool(store: StoreName): boolean {
  return store === "pool" || store === "buffers";
}

function readWorkers(text: string | undefined, stores: readonly StoreName[]): number | undefined {
  if (text === undefined) return undefined;
  const workers = readNumber("workers", text, 1, 1, MAX_WORKERS);
  if (stores.includes("pool")) return workers;
  throw new UsageError(`Cannot use --workers with --store ${stores[0]}: workers can share only the pool`);
}

function readMemory(text: string, largest: number): number {
  const bytes = parseByteSize(text);
  if (bytes >= SMALLEST_POOL && bytes <= largest) return bytes;
  const range = `from ${writeByteSize(SMALLEST_POOL)} to ${writeByteSize(largest)}`;
  throw new UsageError(`Cannot use --memory ${JSON.stringify(text)}: it must be a size ${range}, such as 512MiB`);
}
