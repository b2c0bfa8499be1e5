/** Fake pools for the tests of src/inspect, described by a row of letters, and readers for the page and its images. */

import { connect, type Socket } from "node:net";
import type { BlockInfo, MemPoolStats } from "mempool";
import type { Inspectable } from "mempool/inspect";
import type { PageEvent } from "../../src/inspect/page.ts";

const BLOCK_SIZE = 64;
/** Milliseconds after which an event that does not come counts as missing. */
const TIME_LIMIT = 30_000;

/**
 * A pool as a row of letters, one for each block. `A` is allocated by worker 1 and `a` is cached by it; `#` is
 * allocated and `+` cached without an owner; `.` is free. Equal neighbours form one run, except for cached blocks.
 */
export function lettered(letters: string): Inspectable {
  return { blocks: () => runsOf(letters), stats: () => statsOf(letters) };
}

function* runsOf(letters: string): Generator<BlockInfo> {
  for (const { 0: run, index } of letters.matchAll(/[a-z+]|([A-Z#.])\1*/g)) {
    yield { offset: index * BLOCK_SIZE, byteLength: run.length * BLOCK_SIZE, ...meaningOf(run[0]!) };
  }
}

function meaningOf(letter: string): Pick<BlockInfo, "state" | "owner"> {
  if (letter === ".") return { state: "free", owner: 0 };
  const state = /[A-Z#]/.test(letter) ? "allocated" : "cached";
  return { state, owner: /[#+]/.test(letter) ? 0 : letter.toUpperCase().charCodeAt(0) - 64 };
}

/** Statistics that fit the letters, as far as maps show them. */
function statsOf(letters: string): MemPoolStats {
  const count = (kind: RegExp): number => letters.match(kind)?.length ?? 0;
  const [allocatedBlocks, cachedBlocks, freeBlocks] = [count(/[A-Z#]/g), count(/[a-z+]/g), count(/\./g)];
  const largestFreeRun = Math.max(0, ...letters.split(/[A-Z#]+/).map((run) => run.length));
  const available = cachedBlocks + freeBlocks;
  return {
    size: letters.length * BLOCK_SIZE,
    blockSize: BLOCK_SIZE,
    blockCount: letters.length,
    allocatedBlocks,
    cachedBlocks,
    freeBlocks,
    largestFreeRun,
    fragmentation: available === 0 || allocatedBlocks === 0 ? 0 : 1 - largestFreeRun / available,
    peakAllocatedBlocks: allocatedBlocks,
    requestedBytes: allocatedBlocks * BLOCK_SIZE,
    allocs: allocatedBlocks,
    frees: 0,
    coalesced: 0,
    exhausted: 0,
    grown: 0,
    lockAcquisitions: 0,
    lockContended: 0,
    workers: 1,
    ownerDeaths: 0,
  };
}

/** The part of a stream's reader that is used here. The types of the runtimes differ. */
interface Reader {
  read(): Promise<{ done: boolean; value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

/** The events that the server sends to a page. */
export class Events implements AsyncDisposable {
  readonly #reader: Reader;
  readonly #decoder = new TextDecoder();
  #rest = "";

  private constructor(reader: Reader) {
    this.#reader = reader;
  }

  /** @param url The address of the page. */
  static async open(url: string): Promise<Events> {
    const response = await fetch(new URL("events", url));
    return new Events(response.body!.getReader());
  }

  /** The next event; `undefined` once the server has closed the connection. */
  async next(): Promise<PageEvent | undefined> {
    for (let end = this.#rest.indexOf("\n\n"); end < 0; end = this.#rest.indexOf("\n\n")) {
      const { done, value } = await this.#reader.read();
      if (done) return undefined;
      this.#rest += this.#decoder.decode(value, { stream: true });
    }
    const [event = ""] = this.#rest.split("\n\n", 1);
    this.#rest = this.#rest.slice(event.length + 2);
    return JSON.parse(event.replace(/^data: /, "")) as PageEvent;
  }

  /** The first event that satisfies `isIt`. Rejects if none comes in time. */
  async until(isIt: (event: PageEvent) => boolean): Promise<PageEvent> {
    const { promise, reject } = Promise.withResolvers<never>();
    let last: PageEvent | undefined;
    const timer = setTimeout(() => reject(new Error(`No such event; the last was ${last?.message}`)), TIME_LIMIT);
    const search = async (): Promise<PageEvent> => {
      for (last = await this.next(); last !== undefined; last = await this.next()) {
        if (isIt(last)) return last;
      }
      throw new Error("The events ended");
    };
    return await Promise.race([promise, search()]).finally(() => clearTimeout(timer));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader.cancel();
  }
}

/** Sends the text of a request and returns the text of the answer. */
export function ask(url: string, request: string): Promise<string> {
  const { socket, answer } = dial(url);
  socket.write(request);
  return answer;
}

/**
 * Opens a connection to the server. `answer` resolves with everything that was received, once the connection is closed.
 */
export function dial(url: string): { socket: Socket; answer: Promise<string> } {
  const { port, hostname } = new URL(url);
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connect(Number(port), hostname);
  let answer = "";
  socket.setEncoding("utf8");
  socket.on("data", (text) => answer += text);
  socket.on("error", reject);
  socket.on("close", () => resolve(answer));
  return { socket, answer: promise };
}

/**
 * The elements of an XML text. Throws if it is not well-formed. Knows the kinds of attributes and entities that our SVG
 * has.
 */
export function elementsOf(xml: string): { name: string; attributes: Record<string, string> }[] {
  const open: string[] = [];
  const elements: { name: string; attributes: Record<string, string> }[] = [];
  const token = /<\/(\w+)>|<(\w+)((?: [\w:-]+="[^"<]*")*)(\/?)>|([^<]+)/y;
  while (token.lastIndex < xml.length) {
    const at = token.lastIndex;
    const match = token.exec(xml);
    if (match === null) throw new Error(`Not well-formed: ${xml.slice(at, at + 80)}`);
    const [, closed, name, attributes = "", empty, text = ""] = match;
    if (/&(?!#\d+;|amp;|lt;|gt;|quot;)/.test(attributes + text)) throw new Error(`A bare ampersand in ${match[0]}`);
    if (closed !== undefined && open.pop() !== closed) throw new Error(`</${closed}> closes something else`);
    if (name === undefined) continue;
    if (empty === "") open.push(name);
    const pairs = [...attributes.matchAll(/([\w:-]+)="([^"]*)"/g)].map(([, key = "", value = ""]) => [key, value]);
    elements.push({ name, attributes: Object.fromEntries(pairs) });
  }
  if (open.length > 0) throw new Error(`Not closed: ${open}`);
  return elements;
}
