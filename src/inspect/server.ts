import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { clearTimeout, setTimeout } from "node:timers";
import { MemPoolError } from "../base/errors.ts";
import { PoolHistory } from "./history.ts";
import { beginEvents, receive, type Request, respond, sendEvent } from "./http.ts";
import { numberWithin } from "./numbers.ts";
import { PAGE_SCRIPT, PAGE_STYLE, PAGE_TEXT, type PageEvent } from "./page.ts";
import { type Inspectable, type PoolSurvey, surveyPool } from "./survey.ts";
import { mapAsSvg, pictureFor } from "./svg.ts";
import { mapAsText } from "./text.ts";

/** How to serve the page of a pool. */
export interface PageOptions {
  /**
   * The port, on 127.0.0.1; with 0 the system chooses a free one.
   *
   * @default {0}
   */
  readonly port?: number;
  /**
   * Milliseconds from one look at the pool to the next, from 10 to 60,000. It looks less often where looking takes long,
   * so that it takes at most a fifth of the time.
   *
   * @default {500}
   */
  readonly interval?: number;
  /**
   * The most squares of the map, from 1 to 16,384.
   *
   * @default {1024}
   */
  readonly cells?: number;
  /**
   * How many looks the chart goes back, from 2 to 10,000.
   *
   * @default {240}
   */
  readonly history?: number;
}

/** A page that is being served. */
export interface PoolPage extends Disposable {
  /** Where to look at it. */
  readonly url: string;
  /** Stops serving. The pool is left as it is. Does nothing the second time. */
  close(): void;
}

/**
 * Serves a page that shows the pool, live: the map, its history, and what `stats()` says. `map.svg` and `map.txt` are
 * there, too. Only programs of this machine can reach it, and only by its address or as `localhost`.
 *
 * The page lives on the event loop of the worker that calls this: while that worker computes without a pause, the page
 * stands still. Another worker can attach to the pool and serve it then. It does not keep a program running. Once the pool
 * is destroyed, the page says so and goes on showing the last that was seen.
 *
 * @returns The page, once it can be reached.
 * @throws {Error} The port is taken, or the runtime does not permit to listen: on Deno, `--allow-net=127.0.0.1` does.
 * @example A page, read by the program itself
 * ```ts
 * import { MemPool } from "mempool";
 * import { servePage } from "mempool/inspect";
 *
 * using pool = MemPool.init(1024, 64);
 * using page = await servePage(pool);
 * console.log("Look at", page.url);
 * ```
 */
export async function servePage(pool: Inspectable, options: PageOptions = {}): Promise<PoolPage> {
  const settings = {
    port: numberWithin("port", options.port, 0, 0, 65_535),
    interval: numberWithin("interval", options.interval, 500, 10, 60_000),
    cells: numberWithin("cells", options.cells, 1024, 1, 16_384),
  };
  const view = new View(pool, settings.cells, new PoolHistory(options.history));
  const server = createServer();
  const site = new Site(server, view, settings.interval);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(settings.port, "127.0.0.1", resolve);
  });
  return site.begin();
}

/** What was last seen of a pool. */
class View {
  readonly #pool: Inspectable;
  readonly #cells: number;
  readonly #history: PoolHistory;
  #survey: PoolSurvey | undefined;
  #event: PageEvent = { state: "trouble", message: "Not looked at yet", picture: null, stats: null };

  constructor(pool: Inspectable, cells: number, history: PoolHistory) {
    this.#pool = pool;
    this.#cells = cells;
    this.#history = history;
  }

  get event(): PageEvent {
    return this.#event;
  }

  /** Looks at the pool; what hinders that is told on the page. */
  look(): void {
    try {
      this.#survey = surveyPool(this.#pool, { cells: this.#cells });
      this.#history.add(this.#survey);
      const picture = pictureFor(this.#survey, this.#history);
      this.#event = { state: "live", message: "Live", picture, stats: this.#survey.stats };
    } catch (error) {
      // Whatever it is belongs on the page: a program must not end because somebody looks at it.
      this.#event = { ...this.#event, ...explain(error) };
    }
  }

  svg(): string | undefined {
    return this.#survey && mapAsSvg(this.#survey, { history: this.#history });
  }

  text(): string | undefined {
    return this.#survey && `${mapAsText(this.#survey, { history: this.#history, colours: false })}\n`;
  }
}

function explain(error: unknown): Pick<PageEvent, "state" | "message"> {
  const code = error instanceof MemPoolError ? error.code : undefined;
  if (code === "destroyed") return { state: "ended", message: "The pool was destroyed; this is how it looked last" };
  if (code === "closed") {
    return { state: "ended", message: "The program has left the pool; this is how it looked last" };
  }
  return { state: "trouble", message: error instanceof Error ? error.message : String(error) };
}

/** More than the tabs of one person need. */
const MOST_CONNECTIONS = 64;
/** Pauses are at least so many times as long as looking. */
const RESTRAINT = 4;
/** By no other name: a page of another site that gives itself this address has its own. */
const HOSTS = ["127.0.0.1", "localhost"];

class Site implements PoolPage {
  readonly #server: Server;
  readonly #view: View;
  readonly #interval: number;
  readonly #connections = new Set<Socket>();
  /** Who gets events, the last one sent there, and whether it was read. */
  readonly #watchers = new Map<Socket, { readonly event: PageEvent; read: boolean }>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #url = "";

  constructor(server: Server, view: View, interval: number) {
    this.#server = server;
    this.#view = view;
    this.#interval = interval;
    server.on("connection", (socket) => this.#welcome(socket));
  }

  get url(): string {
    return this.#url;
  }

  begin(): this {
    this.#url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
    this.#server.unref();
    this.#look();
    return this;
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const socket of this.#connections) socket.destroy();
    if (this.#server.listening) this.#server.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #look(): void {
    const began = performance.now();
    this.#view.look();
    this.#publish();
    if (this.#view.event.state === "ended") return;
    const pause = Math.max(this.#interval, RESTRAINT * (performance.now() - began));
    this.#timer = setTimeout(() => this.#look(), pause);
    this.#timer.unref();
  }

  #publish(): void {
    for (const socket of this.#watchers.keys()) this.#send(socket);
  }

  /** Who has not read the last event yet gets what is new when it has. */
  #send(socket: Socket): void {
    const { event } = this.#view;
    const last = this.#watchers.get(socket);
    if (last !== undefined && (!last.read || last.event === event)) return;
    this.#watchers.set(socket, { event, read: sendEvent(socket, event) });
  }

  #welcome(socket: Socket): void {
    socket.unref();
    // Whoever looks may go at any time, also in the middle of an answer; "close" follows.
    socket.on("error", () => socket.destroy());
    if (this.#connections.size >= MOST_CONNECTIONS) {
      socket.destroy();
      return;
    }
    this.#connections.add(socket);
    socket.on("close", () => {
      this.#connections.delete(socket);
      this.#watchers.delete(socket);
    });
    receive(socket, (request) => this.#answer(socket, request));
  }

  #answer(socket: Socket, { method, path, host }: Request): void {
    if (!HOSTS.includes(host)) return respond(socket, 403, "text/plain", "This page is for this machine only\n");
    if (method !== "GET") return respond(socket, 405, "text/plain", "Only GET\n");
    if (path === "/events") return this.#watch(socket);
    const file = this.#fileAt(path);
    if (file === undefined) return respond(socket, 404, "text/plain", "Nothing here\n");
    respond(socket, 200, ...file);
  }

  #fileAt(path: string): [type: string, text: string] | undefined {
    const file = (type: string, text: string | undefined): [string, string] | undefined =>
      text === undefined ? undefined : [type, text];
    switch (path) {
      case "/":
        return file("text/html", PAGE_TEXT);
      case "/page.js":
        return file("text/javascript", PAGE_SCRIPT);
      case "/page.css":
        return file("text/css", PAGE_STYLE);
      case "/map.svg":
        return file("image/svg+xml", this.#view.svg());
      case "/map.txt":
        return file("text/plain", this.#view.text());
    }
    return undefined;
  }

  #watch(socket: Socket): void {
    beginEvents(socket);
    socket.on("drain", () => {
      const last = this.#watchers.get(socket);
      if (last !== undefined) last.read = true;
      this.#send(socket);
    });
    this.#send(socket);
  }
}
