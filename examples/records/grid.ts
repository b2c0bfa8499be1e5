import { type MemPool, record, type Records } from "../../mod.ts";

const CROSSING = {
  firstStreet: "ref",
  /** The crossing before this one on the shortest path. */
  from: "ref",
  distance: "u32",
  isSettled: "u8",
} as const;
const STREET = { to: "ref", next: "ref", length: "u16" } as const;

const Crossing = record(CROSSING, { name: "Crossing" });
const Street = record(STREET, { name: "Street" });

export interface Grid {
  readonly crossings: Records<typeof CROSSING>;
  readonly streets: Records<typeof STREET>;
  /** The crossings, row by row. */
  readonly all: Int32Array;
  readonly streetCount: number;
}

/** Makes crossings in a square, each with streets to its neighbours, whose lengths are random but always the same. */
export function makeGrid(pool: MemPool, side: number): Grid {
  const crossings = pool.records(Crossing);
  const streets = pool.records(Street);
  const all = crossings.allocMany(side * side);
  if (all === null) throw new Error("The pool is exhausted");
  for (const crossing of all) {
    crossings.set.firstStreet(crossing, -1);
    crossings.set.from(crossing, -1);
    crossings.set.distance(crossing, 2 ** 32 - 1);
    crossings.set.isSettled(crossing, 0);
  }
  let seed = 1;
  let streetCount = 0;
  const connect = (from: number, to: number): void => {
    seed = Math.imul(seed, 1664525) + 1013904223 | 0;
    const street = streets.alloc();
    if (street < 0) throw new Error("The pool is exhausted");
    streets.set.to(street, to);
    streets.set.length(street, 1 + (seed >>> 24));
    streets.set.next(street, crossings.get.firstStreet(from));
    crossings.set.firstStreet(from, street);
    streetCount++;
  };
  for (let place = 0; place < all.length; place++) {
    const neighbours = [place % side > 0 ? place - 1 : -1, (place + 1) % side > 0 ? place + 1 : -1];
    for (const other of [...neighbours, place - side, place + side]) {
      if (other >= 0 && other < all.length) connect(all[place]!, all[other]!);
    }
  }
  return { crossings, streets, all, streetCount };
}
