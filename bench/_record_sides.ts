/**
 * The contenders of bench/records.ts, in engines of their own: each makes one pool, as a program does. All walk the same
 * graph: each record has four fields and a link to another one, and the links form one cycle through all records.
 */

import { MemPool, record, type Records } from "../mod.ts";
import type { Side } from "./_engine.ts";
import { keep } from "./_measure.ts";

export const HAND = "typed arrays, by hand";
export const ACCESSORS = "get and set";
export const CURSOR = "cursor";
export const OBJECTS = "plain objects";
export const OFFSETS = "allocOffset + freeOffset";
export const RECORDS = "alloc + free of a record";

const BLOCK = 32;
const PAIRS = 4000;

const FIELDS = { cost: "f64", next: "ref", visits: "u32", height: "u16" } as const;
/** The same fields in other places. */
const LAYOUTS = [
  record(FIELDS),
  record({ color: "u32", ...FIELDS }),
  record({ height: "u16", visits: "u32", next: "ref", cost: "f64" }, { order: "c" }),
] as const;
type Fields = typeof FIELDS;

interface Item {
  next: Item;
  cost: number;
  visits: number;
  height: number;
}

/** In random order, as the links of a graph in use are. */
export function walkSides(count: number): Side[] {
  return sidesOver(count, cycleOf(count, true));
}

/** In the order of the addresses, where the processor has read ahead whatever the walk asks for. */
export function orderedSides(count: number): Side[] {
  return sidesOver(count, cycleOf(count, false));
}

function sidesOver(count: number, cycle: Int32Array): Side[] {
  const pool = MemPool.init(count * BLOCK, BLOCK);
  const nodes = pool.records(LAYOUTS[0]);
  const first = fill(nodes, cycle);
  const { cost, next, visits, height } = LAYOUTS[0].fields;
  const f64 = new Float64Array(pool.buffer);
  const i32 = new Int32Array(pool.buffer);
  const u32 = new Uint32Array(pool.buffer);
  const u16 = new Uint16Array(pool.buffer);
  const COST = cost.offset / 8;
  const NEXT = next.offset / 4;
  const VISITS = visits.offset / 4;
  const HEIGHT = height.offset / 2;
  const cursor = nodes.cursor();
  const items = objectsOf(cycle);
  const sides = {
    [HAND]: () => {
      let sum = 0;
      for (let left = count, node = first; left > 0; left--, node = i32[(node << 3) + NEXT]!) {
        const h = u16[(node << 4) + HEIGHT]!;
        sum += f64[(node << 2) + COST]!;
        u16[(node << 4) + HEIGHT] = h + 1;
        u32[(node << 3) + VISITS] = u32[(node << 3) + VISITS]! + h;
      }
      keep.value = sum;
    },
    [ACCESSORS]: () => {
      let sum = 0;
      for (let left = count, node = first; left > 0; left--, node = nodes.get.next(node)) {
        const h = nodes.get.height(node);
        sum += nodes.get.cost(node);
        nodes.set.height(node, h + 1);
        nodes.set.visits(node, nodes.get.visits(node) + h);
      }
      keep.value = sum;
    },
    [CURSOR]: () => {
      let sum = 0;
      cursor.ref = first;
      for (let left = count; left > 0; left--, cursor.ref = cursor.next) {
        const h = cursor.height;
        sum += cursor.cost;
        cursor.height = h + 1;
        cursor.visits += h;
      }
      keep.value = sum;
    },
    [OBJECTS]: () => {
      let sum = 0;
      for (let left = count, item = items; left > 0; left--, item = item.next) {
        const h = item.height;
        sum += item.cost;
        item.height = (h + 1) & 0xffff;
        item.visits = (item.visits + h) >>> 0;
      }
      keep.value = sum;
    },
  };
  return sidesOf(sides, count, pool);
}

/** Three layouts in three functions, and in one function. */
export function layoutSides(count: number): Side[] {
  const pool = MemPool.init(3 * count * BLOCK, BLOCK);
  const cycle = cycleOf(count, true);
  const [a, b, c] = [pool.records(LAYOUTS[0]), pool.records(LAYOUTS[1]), pool.records(LAYOUTS[2])];
  const [firstA, firstB, firstC] = [fill(a, cycle), fill(b, cycle), fill(c, cycle)];
  type Nodes = Records<Fields>;
  const all = [a, b, c] as unknown as Nodes[];
  const firsts = [firstA, firstB, firstC];
  const sides = {
    [alone(ACCESSORS)]: () => {
      let sum = 0;
      for (let left = count, node = firstA; left > 0; left--, node = a.get.next(node)) {
        const h = a.get.height(node);
        sum += a.get.cost(node);
        a.set.height(node, h + 1);
        a.set.visits(node, a.get.visits(node) + h);
      }
      for (let left = count, node = firstB; left > 0; left--, node = b.get.next(node)) {
        const h = b.get.height(node);
        sum += b.get.cost(node);
        b.set.height(node, h + 1);
        b.set.visits(node, b.get.visits(node) + h);
      }
      for (let left = count, node = firstC; left > 0; left--, node = c.get.next(node)) {
        const h = c.get.height(node);
        sum += c.get.cost(node);
        c.set.height(node, h + 1);
        c.set.visits(node, c.get.visits(node) + h);
      }
      keep.value = sum;
    },
    [shared(ACCESSORS)]: () => {
      const walk = (nodes: Nodes, first: number): number => {
        let sum = 0;
        for (let left = count, node = first; left > 0; left--, node = nodes.get.next(node)) {
          const h = nodes.get.height(node);
          sum += nodes.get.cost(node);
          nodes.set.height(node, h + 1);
          nodes.set.visits(node, nodes.get.visits(node) + h);
        }
        return sum;
      };
      keep.value = all.reduce((sum, nodes, at) => sum + walk(nodes, firsts[at]!), 0);
    },
    [alone(CURSOR)]: () => {
      let sum = 0;
      const one = a.cursor(firstA);
      for (let left = count; left > 0; left--, one.ref = one.next) {
        const h = one.height;
        sum += one.cost;
        one.height = h + 1;
        one.visits += h;
      }
      const two = b.cursor(firstB);
      for (let left = count; left > 0; left--, two.ref = two.next) {
        const h = two.height;
        sum += two.cost;
        two.height = h + 1;
        two.visits += h;
      }
      const three = c.cursor(firstC);
      for (let left = count; left > 0; left--, three.ref = three.next) {
        const h = three.height;
        sum += three.cost;
        three.height = h + 1;
        three.visits += h;
      }
      keep.value = sum;
    },
    [shared(CURSOR)]: () => {
      const walk = (nodes: Nodes, first: number): number => {
        let sum = 0;
        const cursor = nodes.cursor(first);
        for (let left = count; left > 0; left--, cursor.ref = cursor.next) {
          const h = cursor.height;
          sum += cursor.cost;
          cursor.height = h + 1;
          cursor.visits += h;
        }
        return sum;
      };
      keep.value = all.reduce((sum, nodes, at) => sum + walk(nodes, firsts[at]!), 0);
    },
  };
  return sidesOf(sides, 3 * count, pool);
}

export function alone(side: string): string {
  return `${side}, a function for each layout`;
}

export function shared(side: string): string {
  return `${side}, one function for all`;
}

export function pairSides(): Side[] {
  const pool = MemPool.init(1000 * BLOCK, BLOCK);
  const nodes = pool.records(LAYOUTS[0]);
  const bytes = nodes.layout.byteLength;
  const sides = {
    [OFFSETS]: () => {
      for (let i = 0; i < PAIRS; i++) {
        const offset = pool.allocOffset(bytes);
        keep.value = offset;
        pool.freeOffset(offset);
      }
    },
    [RECORDS]: () => {
      for (let i = 0; i < PAIRS; i++) {
        const node = nodes.alloc();
        keep.value = node;
        nodes.free(node);
      }
    },
  };
  return sidesOf(sides, PAIRS, pool);
}

/** Makes a list, walks it and drops it. */
export function listSides(count: number): Side[] {
  const pool = MemPool.init(2 * count * BLOCK, BLOCK);
  const nodes = pool.records(LAYOUTS[0]);
  interface Link {
    next: Link | null;
    cost: number;
    visits: number;
    height: number;
  }
  const sides = {
    [OBJECTS]: () => {
      let first: Link | null = null;
      for (let i = 0; i < count; i++) first = { next: first, cost: i + 0.5, visits: 0, height: 0 };
      let sum = 0;
      for (let link: Link | null = first; link !== null; link = link.next) sum += link.cost;
      keep.value = sum;
    },
    [ACCESSORS]: () => {
      let first = -1;
      for (let i = 0; i < count; i++) {
        const node = nodes.alloc();
        nodes.set.next(node, first);
        nodes.set.cost(node, i + 0.5);
        nodes.set.visits(node, 0);
        nodes.set.height(node, 0);
        first = node;
      }
      let sum = 0;
      for (let node = first; node >= 0; node = nodes.get.next(node)) sum += nodes.get.cost(node);
      keep.value = sum;
      for (let node = first; node >= 0;) {
        const next = nodes.get.next(node);
        nodes.free(node);
        node = next;
      }
    },
  };
  return sidesOf(sides, count, pool);
}

function sidesOf(sides: Readonly<Record<string, () => void>>, operations: number, pool: MemPool): Side[] {
  return Object.entries(sides).map(([name, run]) => ({
    contender: { name, operations, run },
    close: () => pool.destroy(),
  }));
}

/** For each record, the one that its link leads to. All links together form one cycle. */
function cycleOf(count: number, random: boolean): Int32Array {
  const order = Int32Array.from({ length: count }, (_, at) => at);
  let seed = 1;
  for (let at = count - 1; random && at > 0; at--) {
    seed = Math.imul(seed, 1664525) + 1013904223 | 0;
    const other = Math.trunc((seed >>> 0) * ((at + 1) / 2 ** 32));
    [order[at], order[other]] = [order[other]!, order[at]!];
  }
  const cycle = new Int32Array(count);
  for (let at = 0; at < count; at++) cycle[order[at]!] = order[(at + 1) % count]!;
  return cycle;
}

function fill(nodes: Pick<Records<Fields>, "allocMany" | "set">, cycle: Int32Array): number {
  const refs = nodes.allocMany(cycle.length)!;
  refs.forEach((ref, at) => {
    nodes.set.next(ref, refs[cycle[at]!]!);
    nodes.set.cost(ref, at + 0.5);
    nodes.set.visits(ref, 0);
    nodes.set.height(ref, at);
  });
  return refs[0]!;
}

export function objectsOf(cycle: Int32Array): Item {
  const items = Array.from(cycle, (_, at): Item => {
    return { next: undefined as unknown as Item, cost: at + 0.5, visits: 0, height: at & 0xffff };
  });
  items.forEach((item, at) => item.next = items[cycle[at]!]!);
  return items[0]!;
}
