/**
 * What is to become of each value of tests/api/_hostile_values.ts in each place where a function takes one: the contract,
 * written out. The pool of a case has 1024 blocks of 64 bytes; a block of 40 bytes is allocated at offset 0, the one at
 * offset 64 is free.
 *
 *     ok           the call does what it should
 *     none         the pool is exhausted: null, or -1 from the offset tier
 *     Type, Range  a TypeError or RangeError of the library, that names the argument
 *     engine       a TypeError of the engine's: no code but its own ever sees what is behind a revoked proxy
 *     thrown       what the value's own code has thrown
 *     foreign …    a MemPoolError: foreign-block, double-free, destroyed, unknown-pool, format-mismatch
 *
 * What is no number is a TypeError wherever a number is wanted, and a number wherever anything else is: the tables have
 * no columns for that. An option may be undefined, which is as if it were not given.
 */

export type Verdict =
  | "ok"
  | "none"
  | "Type"
  | "Range"
  | "engine"
  | "thrown"
  | "foreign"
  | "double"
  | "destroyed"
  | "unknown"
  | "format";

/** Kinds of parameters that take numbers: the columns of the first table. */
export type NumberKind =
  /** A number of bytes. */
  | "bytes"
  /** The other argument of calloc is 1: the product is as large as this. */
  | "member"
  /** How many blocks of 8 bytes. */
  | "count"
  | "offset"
  /** Of a pool with blocks of 64 bytes. */
  | "size"
  /** Of a pool of 65,536 bytes. */
  | "blockSize"
  | "alignment"
  /** The option maxSize, of a pool of 65,536 bytes. */
  | "maxSize"
  /** An option from 0 to 2^31 - 1. */
  | "from0";

/** Kinds of parameters that take something else: the columns of the second table. */
export type ObjectKind = "block" | "blocks" | "handle" | "options" | "onMisuse" | "checked";

/** The parameter of a constructor that nobody may call. */
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
largest denormal  Range  Range   Range  Range    Range  Range      Range      Range    Range
1 - 2^-53         Range  Range   Range  Range    Range  Range      Range      Range    Range
`;

/** "blocks" is what freeMany takes: an iterable, of whose elements each is a block. */
const OTHERS = `
value                        block    blocks  handle     options  onMisuse  checked
undefined                    Type     Type    Type       ok       ok        ok
null                         Type     Type    Type       Type     Type      Type
true                         Type     Type    Type       Type     Type      ok
false                        Type     Type    Type       Type     Type      ok
empty string                 Type     Type    Type       Type     Range     Type
"0"                          Type     Type    Type       Type     Range     Type
"64"                         Type     Type    Type       Type     Range     Type
" 64 "                       Type     Type    Type       Type     Range     Type
"0x40"                       Type     Type    Type       Type     Range     Type
"throw"                      Type     Type    Type       Type     ok        Type
"WARN"                       Type     Type    Type       Type     Range     Type
lone surrogate               Type     Type    Type       Type     Range     Type
a million characters         Type     Type    Type       Type     Range     Type
0n                           Type     Type    Type       Type     Type      Type
64n                          Type     Type    Type       Type     Type      Type
-1n                          Type     Type    Type       Type     Type      Type
2n ** 64n                    Type     Type    Type       Type     Type      Type
Symbol()                     Type     Type    Type       Type     Type      Type
Symbol.iterator              Type     Type    Type       Type     Type      Type
arrow function               Type     Type    Type       Type     Type      Type
async function               Type     Type    Type       Type     Type      Type
class                        Type     Type    Type       Type     Type      Type
ArrayBuffer itself           Type     Type    Type       Type     Type      Type
iterable function            Type     ok      Type       Type     Type      Type
proxy of a function          Type     Type    Type       Type     Type      Type
{}                           Type     Type    Type       ok       Type      Type
frozen {}                    Type     Type    Type       ok       Type      Type
null prototype               Type     Type    Type       ok       Type      Type
valueOf 64                   Type     Type    Type       ok       Type      Type
toPrimitive 64               Type     Type    Type       ok       Type      Type
throwing conversions         Type     Type    Type       ok       Type      Type
throwing toStringTag         Type     Type    Type       ok       Type      Type
lying toStringTag            Type     Type    Type       ok       Type      Type
Number object                Type     Type    Type       ok       Type      Type
String object                Type     Type    Type       ok       Type      Type
BigInt object                Type     Type    Type       ok       Type      Type
Symbol object                Type     Type    Type       ok       Type      Type
Boolean object               Type     Type    Type       ok       Type      Type
[]                           Type     ok      Type       ok       Type      Type
[64]                         Type     Type    Type       ok       Type      Type
[[]]                         Type     Type    Type       ok       Type      Type
array with a hole            Type     Type    Type       ok       Type      Type
empty Map                    Type     ok      Type       ok       Type      Type
Map of a number              Type     Type    Type       ok       Type      Type
empty Set                    Type     ok      Type       ok       Type      Type
WeakMap                      Type     Type    Type       ok       Type      Type
Date                         Type     Type    Type       ok       Type      Type
RegExp                       Type     Type    Type       ok       Type      Type
Error                        Type     Type    Type       ok       Type      Type
MemPoolError                 Type     Type    Type       ok       Type      Type
Promise                      Type     Type    Type       ok       Type      Type
class instance               Type     Type    Type       ok       Type      Type
like a view                  Type     Type    Type       ok       Type      Type
ended generator              Type     ok      Type       ok       Type      Type
iterator is a number         Type     engine  Type       ok       Type      Type
iterator is no function      Type     Type    Type       ok       Type      Type
proxy of {}                  Type     Type    Type       ok       Type      Type
proxy of []                  Type     ok      Type       ok       Type      Type
throwing proxy               Type     thrown  thrown     thrown   Type      Type
revoked proxy                Type     engine  engine     engine   Type      Type
ArrayBuffer                  foreign  Type    Type       ok       Type      Type
empty ArrayBuffer            foreign  Type    Type       ok       Type      Type
frozen ArrayBuffer           foreign  Type    Type       ok       Type      Type
resizable ArrayBuffer        foreign  Type    Type       ok       Type      Type
detached ArrayBuffer         foreign  Type    Type       ok       Type      Type
subclass of ArrayBuffer      foreign  Type    Type       ok       Type      Type
WebAssembly memory           foreign  Type    Type       ok       Type      Type
SharedArrayBuffer            Type     Type    Type       ok       Type      Type
growable SharedArrayBuffer   Type     Type    Type       ok       Type      Type
proxy of a buffer            Type     Type    Type       ok       Type      Type
proxy of the block           Type     Type    Type       ok       Type      Type
inherits from the block      Type     Type    Type       ok       Type      Type
inherits from ArrayBuffer    Type     Type    Type       ok       Type      Type
proxy says ArrayBuffer       Type     Type    Type       ok       Type      Type
Uint8Array                   foreign  Type    Type       ok       Type      Type
empty Uint8Array             foreign  ok      Type       ok       Type      Type
Float64Array                 foreign  Type    Type       ok       Type      Type
BigInt64Array                foreign  Type    Type       ok       Type      Type
DataView                     foreign  Type    Type       ok       Type      Type
Node's Buffer                foreign  Type    Type       ok       Type      Type
view on shared memory        foreign  Type    Type       ok       Type      Type
view on WebAssembly memory   foreign  Type    Type       ok       Type      Type
view on a detached buffer    foreign  engine  Type       ok       Type      Type
length-tracking view         foreign  Type    Type       ok       Type      Type
view out of bounds           foreign  engine  Type       ok       Type      Type
proxy of a view              Type     engine  Type       ok       Type      Type
inherits from a view         Type     engine  Type       ok       Type      Type
inherits from Uint8Array     Type     engine  Type       ok       Type      Type
view that names the block    foreign  Type    Type       ok       Type      Type
buffer of another length     foreign  Type    Type       ok       Type      Type
the block                    ok       Type    Type       ok       Type      Type
frozen block                 ok       Type    Type       ok       Type      Type
block without prototype      ok       Type    Type       ok       Type      Type
block that hides its length  ok       Type    Type       ok       Type      Type
block moved by transfer      ok       Type    Type       ok       Type      Type
block moved, frozen          ok       Type    Type       ok       Type      Type
block moved, no prototype    ok       Type    Type       ok       Type      Type
block moved, fixed length    ok       Type    Type       ok       Type      Type
block moved by clone         ok       Type    Type       ok       Type      Type
Uint8Array on it             ok       Type    Type       ok       Type      Type
empty view on it             ok       ok      Type       ok       Type      Type
part of it                   ok       Type    Type       ok       Type      Type
fixed view on it             ok       Type    Type       ok       Type      Type
DataView on it               ok       Type    Type       ok       Type      Type
Float64Array on it           ok       Type    Type       ok       Type      Type
BigInt64Array on it          ok       Type    Type       ok       Type      Type
Node's Buffer on it          ok       Type    Type       ok       Type      Type
view that hides its buffer   ok       Type    Type       ok       Type      Type
view without prototype       ok       Type    Type       ok       Type      Type
view moved with it           ok       Type    Type       ok       Type      Type
the buffer it moved from     foreign  Type    Type       ok       Type      Type
a view from before the move  foreign  engine  Type       ok       Type      Type
copy                         foreign  Type    Type       ok       Type      Type
slice                        foreign  Type    Type       ok       Type      Type
grown out of the pool        foreign  Type    Type       ok       Type      Type
shrunk out of the pool       foreign  Type    Type       ok       Type      Type
emptied                      foreign  Type    Type       ok       Type      Type
freed                        double   Type    Type       ok       Type      Type
view on what is freed        double   Type    Type       ok       Type      Type
freed, then moved            double   Type    Type       ok       Type      Type
pool.buffer                  foreign  Type    Type       ok       Type      Type
view on pool.buffer          foreign  Type    Type       ok       Type      Type
middle of pool.buffer        foreign  Type    Type       ok       Type      Type
pool.buffer, moved           foreign  Type    Type       ok       Type      Type
another pool's block         foreign  Type    Type       ok       Type      Type
view on another pool's       foreign  Type    Type       ok       Type      Type
freed in another pool        foreign  Type    Type       ok       Type      Type
another pool's buffer        foreign  Type    Type       ok       Type      Type
of a destroyed pool          foreign  Type    Type       ok       Type      Type
the pool                     Type     Type    Type       ok       Type      Type
MemPool                      Type     Type    Type       Type     Type      Type
the pool's handle            Type     Type    ok         ok       Type      Type
its handle, cloned           Type     Type    ok         ok       Type      Type
its handle and more          Type     Type    ok         ok       Type      Type
its handle behind a proxy    Type     Type    ok         ok       Type      Type
its handle, inherited        Type     Type    ok         ok       Type      Type
its handle by getters        Type     Type    ok         ok       Type      Type
handle that throws           Type     Type    thrown     ok       Type      Type
its handle as JSON           Type     Type    Type       Type     Range     Type
another pool's handle        Type     Type    ok         ok       Type      Type
a destroyed pool's handle    Type     Type    destroyed  ok       Type      Type
handle of no pool            Type     Type    unknown    ok       Type      Type
handle of another process    Type     Type    unknown    ok       Type      Type
handle of another version    Type     Type    format     ok       Type      Type
`;

type Row = ReadonlyMap<string, Verdict>;

const numbers = parse(NUMBERS);
const others = parse(OTHERS);

/** Names of the values in both tables. */
export const ROWS: readonly string[] = [...numbers.keys(), ...others.keys()];

const OPTIONS: readonly Kind[] = ["alignment", "maxSize", "from0"];

/** A checked pool detaches a buffer that is freed: an engine gives no elements of a view on it. */
const DETACHED = "view on what is freed";

/** What is to become of a value where this kind of parameter is wanted. */
export function verdictOn(name: string, kind: Kind, checked: boolean): Verdict {
  if (checked && name === DETACHED && kind === "blocks") return "engine";
  const verdict = (numbers.get(name) ?? others.get(name))?.get(kind);
  if (verdict !== undefined) return verdict;
  return name === "undefined" && OPTIONS.includes(kind) ? "ok" : "Type";
}

function parse(table: string): ReadonlyMap<string, Row> {
  const [head, ...rows] = table.trim().split("\n").map((line) => line.split(/ {2,}/)) as [string[], ...string[][]];
  return new Map(rows.map(([name, ...cells]) => {
    if (cells.length !== head.length - 1) throw new Error(`The row of ${name} has ${cells.length} cells`);
    return [name!, new Map(cells.map((cell, place) => [head[place + 1]!, cell as Verdict]))];
  }));
}
