import { type MemPool, record, type Records } from "../../mod.ts";

const ENTRY = { key: "u32", item: "ref", child: "ref", sibling: "ref" } as const;
const Entry = record(ENTRY, { name: "Entry" });

/**
 * A pairing heap (Fredman, Sedgewick, Sleator and Tarjan, "The pairing heap", Algorithmica 1, 1986): a tree of entries,
 * which are linked through their records, so the heap needs no array that grows.
 */
export class Heap {
  readonly #entries: Records<typeof ENTRY>;
  #root = -1;

  constructor(pool: MemPool) {
    this.#entries = pool.records(Entry);
  }

  push(item: number, key: number): void {
    const entry = this.#entries.alloc();
    if (entry < 0) throw new Error("The pool is exhausted");
    this.#entries.set.key(entry, key);
    this.#entries.set.item(entry, item);
    this.#entries.set.child(entry, -1);
    this.#entries.set.sibling(entry, -1);
    this.#root = this.#root < 0 ? entry : this.#meld(this.#root, entry);
  }

  /** Takes the item with the smallest key; -1 if there is none. */
  pop(): number {
    const { get } = this.#entries;
    const root = this.#root;
    if (root < 0) return -1;
    const item = get.item(root);
    this.#root = this.#mergePairs(get.child(root));
    this.#entries.free(root);
    return item;
  }

  /** Makes the entry with the greater key the first child of the other one, which it returns. */
  #meld(one: number, other: number): number {
    const { get, set } = this.#entries;
    const [parent, child] = get.key(one) <= get.key(other) ? [one, other] : [other, one];
    set.sibling(child, get.child(parent));
    set.child(parent, child);
    return parent;
  }

  /** Melds the siblings in pairs, and then the pairs from the last to the first. */
  #mergePairs(first: number): number {
    const { get, set } = this.#entries;
    let pairs = -1;
    for (let one = first; one >= 0;) {
      const other = get.sibling(one);
      const next = other < 0 ? -1 : get.sibling(other);
      const pair = other < 0 ? one : this.#meld(one, other);
      set.sibling(pair, pairs);
      pairs = pair;
      one = next;
    }
    let root = pairs;
    for (let pair = pairs < 0 ? -1 : get.sibling(pairs); pair >= 0;) {
      const next = get.sibling(pair);
      root = this.#meld(root, pair);
      pair = next;
    }
    if (root >= 0) set.sibling(root, -1);
    return root;
  }
}
