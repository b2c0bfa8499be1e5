/**
 * The expected outcome of each value in _argument_values.ts as each kind of argument: the contract, written out. A case
 * uses a pool of 1024 blocks of 64 bytes. A block of 40 bytes is allocated at offset 0; the block at offset 64 is free.
 *
 *     ok           the call succeeds
 *     none         the pool is exhausted: the call returns null, or -1 in the offset tier
 *     Type, Range  the library throws a TypeError or a RangeError that names the argument and shows the value
 *     engine       the engine throws a TypeError, because library code cannot examine the value
 *     thrown       the value's own code throws, and the error reaches the caller
 *     foreign      a MemPoolError "foreign-block"
 *     moved        a MemPoolError "foreign-block" whose message says that the buffer is detached
 *     double       a MemPoolError "double-free"
 *     destroyed    a MemPoolError "destroyed"
 *     unknown      a MemPoolError "unknown-pool"
 *     format       a MemPoolError "format-mismatch"
 *
 * The tables omit what follows from the type: a value that is not a number is a TypeError where a number is wanted, and
 * a number is a TypeError everywhere else. An option that is undefined counts as absent.
 */

/** The expected outcome of a call. */
export type Expectation =
  | "ok"
  | "none"
  | "Type"
  | "Range"
  | "engine"
  | "thrown"
  | "foreign"
  | "moved"
  | "double"
  | "destroyed"
  | "unknown"
  | "format";

/** Kinds of parameters that take numbers: the columns of the first table. */
export type NumberKind =
  /** A number of bytes. */
  | "bytes"
  /** A factor of a product whose other factor is 1. */
  | "member"
  /** A number of blocks of 8 bytes. */
  | "count"
  | "offset"
  /** The size of a pool with blocks of 64 bytes. */
  | "size"
  /** The block size of a pool of 65,536 bytes. */
  | "blockSize"
  | "alignment"
  /** The option maxSize of a pool of 65,536 bytes. */
  | "maxSize"
  /** An option from 0 to 2^31 - 1. */
  | "from0";

/** Kinds of parameters that take other values: the columns of the second table. */
export type ObjectKind = "block" | "blocks" | "handle" | "options" | "onMisuse" | "checked";

/** "nothing" accepts no value of the tables. */
export type Kind = NumberKind | ObjectKind | "nothing";

const NUMBERS = `
value             bytes  member  count  offset   size   blockSize  alignment  maxSize  from0
NaN               Range  Range   Range  Range    Range  Range      Range      Range    Range
0                 Range  Range   ok     ok       Range  Range      Range      Range    ok
-0                Range  Range   ok     ok       Range  Range      Range      Range    ok
-1                Range  Range   Range  Range    Range  Range      Range      Range    Range
1                 ok     ok      ok     foreign  Range  ok         Range      Range    ok
0.5               Range  Range   Range  Range    Range  Range      Range      Range    Range
1.5               Range  Range   Range  Range    Range  Range      Range      Range    Range
63.999            Range  Range   Range  Range    Range  Range      Range      Range    Range
64                ok     ok      ok     double   Range  ok         ok         Range    ok
4096              ok     ok      none   double   ok     ok         ok         Range    ok
65536             none   none    none   foreign  ok     Range      Range      ok       ok
65537             none   none    none   foreign  ok     Range      Range      ok       ok
2^31 - 1          none   none    none   foreign  ok     Range      Range      ok       ok
2^31              none   none    none   foreign  ok     Range      Range      ok       Range
2^31 + 0.5        Range  Range   Range  Range    Range  Range      Range      Range    Range
2^32              none   none    none   foreign  ok     Range      Range      ok       Range
2^32 + 5          none   none    none   foreign  ok     Range      Range      ok       Range
2^32 + 64         none   none    none   foreign  ok     Range      Range      ok       Range
2^47              none   none    none   foreign  Range  Range      Range      Range    Range
2^53 - 1          none   none    none   foreign  Range  Range      Range      Range    Range
2^53              none   none    none   foreign  Range  Range      Range      Range    Range
2^53 + 2          none   Range   none   foreign  Range  Range      Range      Range    Range
1e300             none   Range   none   foreign  Range  Range      Range      Range    Range
MAX_VALUE         none   Range   none   foreign  Range  Range      Range      Range    Range
Infinity          Range  Range   Range  Range    Range  Range      Range      Range    Range
-Infinity         Range  Range   Range  Range    Range  Range      Range      Range    Range
-64               Range  Range   Range  Range    Range  Range      Range      Range    Range
-2^31             Range  Range   Range  Range    Range  Range      Range      Range    Range
-2^32 + 64        Range  Range   Range  Range    Range  Range      Range      Range    Range
-2^53             Range  Range   Range  Range    Range  Range      Range      Range    Range
5e-324            Range  Range   Range  Range    Range  Range      Range      Range    Range
-5e-324           Range  Range   Range  Range    Range  Range      Range      Range    Range
-1e300            Range  Range   Range  Range    Range  Range      Range      Range    Range
largest denormal  Range  Range   Range  Range    Range  Range      Range      Range    Range
1 - 2^-53         Range  Range   Range  Range    Range  Range      Range      Range    Range
`;

/**
 * "blocks" is the argument of freeMany: an iterable of blocks. "shown as" is the text that messages show for the value;
 * "JSON" and "cut off" are described at `shownAs`.
 */
const OTHERS = String.raw`
value                             block    blocks  handle     options  onMisuse  checked  shown as
undefined                         Type     Type    Type       ok       ok        ok       undefined
null                              Type     Type    Type       Type     Type      Type     null
true                              Type     Type    Type       Type     Type      ok       true
false                             Type     Type    Type       Type     Type      ok       false
empty string                      Type     Type    Type       Type     Range     Type     ""
"0"                               Type     Type    Type       Type     Range     Type     "0"
"64"                              Type     Type    Type       Type     Range     Type     "64"
" 64 "                            Type     Type    Type       Type     Range     Type     " 64 "
"0x40"                            Type     Type    Type       Type     Range     Type     "0x40"
"throw"                           Type     Type    Type       Type     ok        Type     "throw"
"WARN"                            Type     Type    Type       Type     Range     Type     "WARN"
lone surrogate                    Type     Type    Type       Type     Range     Type     "\ud800"
string with a newline             Type     Type    Type       Type     Range     Type     "a\nb"
a million characters              Type     Type    Type       Type     Range     Type     cut off
0n                                Type     Type    Type       Type     Type      Type     0n
64n                               Type     Type    Type       Type     Type      Type     64n
-1n                               Type     Type    Type       Type     Type      Type     -1n
2n ** 64n                         Type     Type    Type       Type     Type      Type     18446744073709551616n
Symbol()                          Type     Type    Type       Type     Type      Type     Symbol(s)
Symbol.iterator                   Type     Type    Type       Type     Type      Type     Symbol(Symbol.iterator)
arrow function                    Type     Type    Type       Type     Type      Type     a function
async function                    Type     Type    Type       Type     Type      Type     a function
class                             Type     Type    Type       Type     Type      Type     a function
ArrayBuffer itself                Type     Type    Type       Type     Type      Type     a function
iterable function                 Type     ok      Type       Type     Type      Type     a function
proxy of a function               Type     Type    Type       Type     Type      Type     a function
{}                                Type     Type    Type       ok       Type      Type     an object (Object)
frozen {}                         Type     Type    Type       ok       Type      Type     an object (Object)
null prototype                    Type     Type    Type       ok       Type      Type     an object (Object)
valueOf 64                        Type     Type    Type       ok       Type      Type     an object (Object)
toPrimitive 64                    Type     Type    Type       ok       Type      Type     an object (Object)
throwing conversions              Type     Type    Type       ok       Type      Type     an object (Object)
throwing toStringTag              Type     Type    Type       ok       Type      Type     an object
lying toStringTag                 Type     Type    Type       ok       Type      Type     an object (ArrayBuffer)
Number object                     Type     Type    Type       ok       Type      Type     an object (Number)
String object                     Type     Type    Type       ok       Type      Type     an object (String)
BigInt object                     Type     Type    Type       ok       Type      Type     an object (BigInt)
Symbol object                     Type     Type    Type       ok       Type      Type     an object (Symbol)
Boolean object                    Type     Type    Type       ok       Type      Type     an object (Boolean)
[]                                Type     ok      Type       ok       Type      Type     an object (Array)
[64]                              Type     Type    Type       ok       Type      Type     an object (Array)
[[]]                              Type     Type    Type       ok       Type      Type     an object (Array)
array with a hole                 Type     Type    Type       ok       Type      Type     an object (Array)
empty Map                         Type     ok      Type       ok       Type      Type     an object (Map)
Map of a number                   Type     Type    Type       ok       Type      Type     an object (Map)
empty Set                         Type     ok      Type       ok       Type      Type     an object (Set)
WeakMap                           Type     Type    Type       ok       Type      Type     an object (WeakMap)
Date                              Type     Type    Type       ok       Type      Type     an object (Date)
RegExp                            Type     Type    Type       ok       Type      Type     an object (RegExp)
Error                             Type     Type    Type       ok       Type      Type     an object (Error)
MemPoolError                      Type     Type    Type       ok       Type      Type     an object (Error)
Promise                           Type     Type    Type       ok       Type      Type     an object (Promise)
class instance                    Type     Type    Type       ok       Type      Type     an object (Object)
like a view                       Type     Type    Type       ok       Type      Type     an object (Object)
ended generator                   Type     ok      Type       ok       Type      Type     an object (Generator)
iterator is a number              Type     engine  Type       ok       Type      Type     an object (Object)
iterator is not a function        Type     Type    Type       ok       Type      Type     an object (Object)
iterator is undefined             Type     Type    Type       ok       Type      Type     an object (Object)
proxy of {}                       Type     Type    Type       ok       Type      Type     an object (Object)
proxy of []                       Type     ok      Type       ok       Type      Type     an object (Array)
throwing proxy                    Type     thrown  thrown     thrown   Type      Type     an object
revoked proxy                     Type     engine  engine     engine   Type      Type     an object
ArrayBuffer                       foreign  Type    Type       ok       Type      Type     an object (ArrayBuffer)
empty ArrayBuffer                 foreign  Type    Type       ok       Type      Type     an object (ArrayBuffer)
frozen ArrayBuffer                foreign  Type    Type       ok       Type      Type     an object (ArrayBuffer)
resizable ArrayBuffer             foreign  Type    Type       ok       Type      Type     an object (ArrayBuffer)
detached ArrayBuffer              moved    Type    Type       ok       Type      Type     an object (ArrayBuffer)
subclass of ArrayBuffer           foreign  Type    Type       ok       Type      Type     an object (ArrayBuffer)
WebAssembly memory                foreign  Type    Type       ok       Type      Type     an object (ArrayBuffer)
SharedArrayBuffer                 Type     Type    Type       ok       Type      Type     an object (SharedArrayBuffer)
growable SharedArrayBuffer        Type     Type    Type       ok       Type      Type     an object (SharedArrayBuffer)
proxy of a buffer                 Type     Type    Type       ok       Type      Type     an object (ArrayBuffer)
proxy of the block                Type     Type    Type       ok       Type      Type     an object (ArrayBuffer)
inherits from the block           Type     Type    Type       ok       Type      Type     an object (ArrayBuffer)
inherits from ArrayBuffer         Type     Type    Type       ok       Type      Type     an object (ArrayBuffer)
proxy says ArrayBuffer            Type     Type    Type       ok       Type      Type     an object (Object)
Uint8Array                        foreign  Type    Type       ok       Type      Type     an object (Uint8Array)
encoded text                      foreign  Type    Type       ok       Type      Type     an object (Uint8Array)
empty Uint8Array                  foreign  ok      Type       ok       Type      Type     an object (Uint8Array)
Float64Array                      foreign  Type    Type       ok       Type      Type     an object (Float64Array)
BigInt64Array                     foreign  Type    Type       ok       Type      Type     an object (BigInt64Array)
DataView                          foreign  Type    Type       ok       Type      Type     an object (DataView)
Node's Buffer                     foreign  Type    Type       ok       Type      Type     an object (Uint8Array)
view on shared memory             foreign  Type    Type       ok       Type      Type     an object (Int32Array)
view on WebAssembly memory        foreign  Type    Type       ok       Type      Type     an object (Uint8Array)
view on a detached buffer         moved    engine  Type       ok       Type      Type     an object (Uint8Array)
length-tracking view              foreign  Type    Type       ok       Type      Type     an object (Uint8Array)
view out of bounds                foreign  engine  Type       ok       Type      Type     an object (Uint8Array)
proxy of a view                   Type     engine  Type       ok       Type      Type     an object (Object)
proxy of a view on the block      Type     engine  Type       ok       Type      Type     an object (Object)
inherits from a view              Type     engine  Type       ok       Type      Type     an object (Object)
inherits from Uint8Array          Type     engine  Type       ok       Type      Type     an object (Object)
view with another buffer          foreign  Type    Type       ok       Type      Type     an object (Uint8Array)
buffer with another byteLength    foreign  Type    Type       ok       Type      Type     an object (ArrayBuffer)
the block                         ok       Type    Type       ok       Type      Type     an object (ArrayBuffer)
frozen block                      ok       Type    Type       ok       Type      Type     an object (ArrayBuffer)
block without prototype           ok       Type    Type       ok       Type      Type     an object (Object)
block with a throwing byteLength  ok       Type    Type       ok       Type      Type     an object (ArrayBuffer)
block moved by transfer           ok       Type    Type       ok       Type      Type     an object (ArrayBuffer)
block moved, frozen               ok       Type    Type       ok       Type      Type     an object (ArrayBuffer)
block moved, no prototype         ok       Type    Type       ok       Type      Type     an object (Object)
block moved, fixed length         ok       Type    Type       ok       Type      Type     an object (ArrayBuffer)
block moved by clone              ok       Type    Type       ok       Type      Type     an object (ArrayBuffer)
Uint8Array on the block           ok       Type    Type       ok       Type      Type     an object (Uint8Array)
empty view on the block           ok       ok      Type       ok       Type      Type     an object (Uint8Array)
subarray of the block             ok       Type    Type       ok       Type      Type     an object (Uint8Array)
non-extensible view               ok       Type    Type       ok       Type      Type     an object (Uint8Array)
DataView on the block             ok       Type    Type       ok       Type      Type     an object (DataView)
Float64Array on the block         ok       Type    Type       ok       Type      Type     an object (Float64Array)
BigInt64Array on the block        ok       Type    Type       ok       Type      Type     an object (BigInt64Array)
Node's Buffer on the block        ok       Type    Type       ok       Type      Type     an object (Uint8Array)
view with a throwing buffer       ok       Type    Type       ok       Type      Type     an object (Uint8Array)
view without prototype            ok       Type    Type       ok       Type      Type     an object (Object)
view cloned with its block        ok       Type    Type       ok       Type      Type     an object (Uint8Array)
block after it was moved          moved    Type    Type       ok       Type      Type     an object (ArrayBuffer)
view on a block that was moved    moved    engine  Type       ok       Type      Type     an object (Uint8Array)
copy of the block                 foreign  Type    Type       ok       Type      Type     an object (ArrayBuffer)
slice of the block                foreign  Type    Type       ok       Type      Type     an object (ArrayBuffer)
block grown by the engine         foreign  Type    Type       ok       Type      Type     an object (ArrayBuffer)
block shrunk by the engine        foreign  Type    Type       ok       Type      Type     an object (ArrayBuffer)
block emptied by the engine       foreign  Type    Type       ok       Type      Type     an object (ArrayBuffer)
freed block                       double   Type    Type       ok       Type      Type     an object (ArrayBuffer)
view on a freed block             double   Type    Type       ok       Type      Type     an object (Uint8Array)
freed block, then moved           double   Type    Type       ok       Type      Type     an object (ArrayBuffer)
pool.buffer                       foreign  Type    Type       ok       Type      Type     an object (ArrayBuffer)
view on pool.buffer               foreign  Type    Type       ok       Type      Type     an object (Uint8Array)
middle of pool.buffer             foreign  Type    Type       ok       Type      Type     an object (Uint8Array)
pool.buffer, moved                foreign  Type    Type       ok       Type      Type     an object (ArrayBuffer)
another pool's block              foreign  Type    Type       ok       Type      Type     an object (ArrayBuffer)
view on another pool's block      foreign  Type    Type       ok       Type      Type     an object (Uint8Array)
another pool's freed block        foreign  Type    Type       ok       Type      Type     an object (ArrayBuffer)
another pool's buffer             foreign  Type    Type       ok       Type      Type     an object (ArrayBuffer)
a destroyed pool's block          foreign  Type    Type       ok       Type      Type     an object (ArrayBuffer)
the pool                          Type     Type    Type       ok       Type      Type     an object (Object)
MemPool                           Type     Type    Type       Type     Type      Type     a function
the pool's handle                 Type     Type    ok         ok       Type      Type     an object (Object)
handle, cloned                    Type     Type    ok         ok       Type      Type     an object (Object)
handle with more fields           Type     Type    ok         ok       Type      Type     an object (Object)
handle behind a proxy             Type     Type    ok         ok       Type      Type     an object (Object)
handle, inherited                 Type     Type    ok         ok       Type      Type     an object (Object)
handle with getters               Type     Type    ok         ok       Type      Type     an object (Object)
handle with a throwing id         Type     Type    thrown     ok       Type      Type     an object (Object)
handle as JSON                    Type     Type    Type       Type     Range     Type     JSON
another pool's handle             Type     Type    ok         ok       Type      Type     an object (Object)
a destroyed pool's handle         Type     Type    destroyed  ok       Type      Type     an object (Object)
handle of no pool                 Type     Type    unknown    ok       Type      Type     an object (Object)
handle of another process         Type     Type    unknown    ok       Type      Type     an object (Object)
handle of another version         Type     Type    format     ok       Type      Type     an object (Object)
`;

type Row = ReadonlyMap<string, string>;

const numbers = parse(NUMBERS);
const others = parse(OTHERS);

/** The names of all values in both tables. */
export const ROWS: readonly string[] = [...numbers.keys(), ...others.keys()];

const NUMBER_OPTIONS: readonly Kind[] = ["alignment", "maxSize", "from0"];

/** In a checked pool `free` detaches the buffer, and the engine refuses to iterate a view on a detached buffer. */
const VIEW_ON_FREED = "view on a freed block";

/** The expected outcome of the value with this name as an argument of this kind. */
export function expectationOf(name: string, kind: Kind, checked: boolean): Expectation {
  if (checked && name === VIEW_ON_FREED && kind === "blocks") return "engine";
  const expectation = (numbers.get(name) ?? others.get(name))?.get(kind);
  if (expectation !== undefined) return expectation as Expectation;
  return name === "undefined" && NUMBER_OPTIONS.includes(kind) ? "ok" : "Type";
}

/**
 * The text that messages show for a value. A string is shown as JSON; "cut off" stands for the first 100 characters of
 * that and an ellipsis.
 */
export function shownAs(name: string, value: unknown): string {
  const shown = others.get(name)?.get("shown as") ?? String(value);
  if (shown === "JSON") return JSON.stringify(value);
  return shown === "cut off" ? `${JSON.stringify(value).slice(0, 100)}…` : shown;
}

function parse(table: string): ReadonlyMap<string, Row> {
  const [head, ...rows] = table.trim().split("\n").map((line) => line.split(/ {2,}/)) as [string[], ...string[][]];
  return new Map(rows.map(([name, ...cells]) => {
    if (cells.length !== head.length - 1) throw new Error(`The row of ${name} has ${cells.length} cells`);
    return [name!, new Map(cells.map((cell, column) => [head[column + 1]!, cell]))];
  }));
}
