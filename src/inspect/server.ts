import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { performance } from "node:perf_hooks";
import { clearTimeout, setTimeout } from "node:timers";
import { MemPoolError } from "../base/errors.ts";
import { PoolHistory } from "./history.ts";
import { beginEvents, receive, type Request, respond, sendEvent } from "./http.ts";
import { numberWithin } from "./numbers.ts";
import { PAGE_SCRIPT, PAGE_STYLE, PAGE_TEXT, type PageEvent } from "./page.ts";
import { checkBy, type Inspectable, type PoolSurvey, type SurveyOptions, surveyPool } from "./survey.ts";
import { mapAsSvg, pictureFor } from "./svg.ts";
import { mapAsText } from "./text.ts";

/** Options of {@linkcode servePage}. */
export interface PageOptions {
  /**
   * Port on 127.0.0.1, from 0 to 65,535. With 0, the system chooses a free port.
   *
   * @default {0}
   */
  readonly port?: number;
  /**
   * Milliseconds from one survey of the pool to the next, from 10 to 60,000. The pause is longer if a survey takes
   * long, so that surveys take at most a fifth of the worker's time.
   *
   * @default {500}
   */
  readonly interval?: number;
  /**
   * Maximum number of squares in the map, from 1 to 16,384.
   *
   * @default {1024}
   */
  readonly cells?: number;
  /**
   * Whether colours stand for workers, or for the layouts of records in a checked pool.
   *
   * @default {"worker"}
   */
  readonly by?: "worker" | "layout";
  /**
   * Number of surveys in the chart, from 2 to 10,000.
   *
   * @default {240}
   */
  readonly history?: number;
}

/** A page that {@linkcode servePage} serves. Disposal closes it. */
export interface PoolPage extends Disposable {
  /** Address of the page. */
  readonly url: string;
  /** Stops serving and ends all connections. The pool stays as it is. Further calls do nothing. */
  close(): void;
}

/**
 * Serves a page that shows a pool while the program uses it: the map, its history and the counts of `stats()`. The
 * server also offers the map as `map.svg` and as `map.txt`. Only programs on this machine can reach the server, and
 * only by its address or by the name `localhost`. The page does not keep the program running. After the pool is
 * destroyed or closed, the page says so and continues to show the last survey.
 *
 * Each survey costs what {@linkcode surveyPool} costs.
 *
 * Any worker may serve a pool that it has made or attached. The server runs on the event loop of the worker that calls
 * this function: the page stands still while that worker computes without a pause. In that case, attach the pool in
 * another worker and serve the page there.
 *
 * @param pool The pool to show.
 * @param options Port, interval and size of the map.
 * @returns The page, as soon as it can be reached.
 * @throws {TypeError} An option has a wrong type or value.
 * @throws {RangeError} An option is not a whole number within its bounds.
 * @throws {Error} The port is in use, or the runtime does not permit listening. Deno needs `--allow-net=127.0.0.1`.
 * @example Serve a page
 * ```ts
 * import { MemPool } from "mempool";
 * import { servePage } from "mempool/inspect";
 *
 * using pool = MemPool.init(1024, 64);
 * using page = await servePage(pool);
 * console.log("The pool is shown at", page.url);
 * ```
 */
export async function servePage(pool: Inspectable, options: PageOptions = {}): Promise<PoolPage> {
  const settings = {
    port: numberWithin("port", options.port, 0, 0, 65_535),
    interval: numberWithin("interval", options.interval, 500, 10, 60_000),
    survey: { cells: numberWithin("cells", options.cells, 1024, 1, 16_384), by: checkBy(options.by) },
  };
  const view = new View(pool, settings.survey, new PoolHistory(options.history));
  const server = createServer();
  const site = new Site(server, view, settings.interval);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(settings.port, "127.0.0.1", resolve);
  });
  return site.start();
}

/** The last survey of a pool, and its forms. */
class View {
  readonly #pool: Inspectable;
  readonly #options: SurveyOptions;
  readonly #history: PoolHistory;
  #survey: PoolSurvey | undefined;
  #event: PageEvent = { state: "trouble", message: "Not surveyed yet", picture: null, stats: null };

  constructor(pool: Inspectable, options: SurveyOptions, history: PoolHistory) {
    this.#pool = pool;
    this.#options = options;
    this.#history = history;
  }

  get event(): PageEvent {
    return this.#event;
  }

  /** Surveys the pool. If that fails, the page shows why. */
  refresh(): void {
    try {
      this.#survey = surveyPool(this.#pool, this.#options);
      this.#history.add(this.#survey);
      const picture = pictureFor(this.#survey, this.#history);
      this.#event = { state: "live", message: "Live", picture, stats: this.#survey.stats };
    } catch (error) {
      // Every error goes to the page, because a survey must never end the program.
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

/** Connections at a time: more than the tabs of one user need. */
const MAX_CONNECTIONS = 64;
/** A pause is at least this many times as long as the survey before it. */
const MIN_PAUSE_RATIO = 4;
/**
 * The server answers to these names only. A page of another site whose name resolves to this address (DNS rebinding)
 * sends its own name.
 */
const HOSTS = ["127.0.0.1", "localhost"];

class Site implements PoolPage {
  readonly #server: Server;
  readonly #view: View;
  readonly #interval: number;
  readonly #connections = new Set<Socket>();
  /** The connections that receive events, each with the last event sent and whether the client has read it. */
  readonly #subscribers = new Map<Socket, { readonly event: PageEvent; read: boolean }>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #url = "";

  constructor(server: Server, view: View, interval: number) {
    this.#server = server;
    this.#view = view;
    this.#interval = interval;
    server.on("connection", (socket) => this.#accept(socket));
  }

  get url(): string {
    return this.#url;
  }

  start(): this {
    this.#url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
    this.#server.unref();
    this.#refresh();
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

  #refresh(): void {
    const began = performance.now();
    this.#view.refresh();
    this.#publish();
    if (this.#view.event.state === "ended") return;
    const pause = Math.max(this.#interval, MIN_PAUSE_RATIO * (performance.now() - began));
    this.#timer = setTimeout(() => this.#refresh(), pause);
    this.#timer.unref();
  }

  #publish(): void {
    for (const socket of this.#subscribers.keys()) this.#send(socket);
  }

  /** Sends the current event. A client that has not read the last event yet gets the current one after it has. */
  #send(socket: Socket): void {
    const { event } = this.#view;
    const last = this.#subscribers.get(socket);
    if (last !== undefined && (!last.read || last.event === event)) return;
    this.#subscribers.set(socket, { event, read: sendEvent(socket, event) });
  }

  #accept(socket: Socket): void {
    socket.unref();
    // A client may disconnect at any time, also during an answer. The socket then emits "close".
    socket.on("error", () => socket.destroy());
    if (this.#connections.size >= MAX_CONNECTIONS) {
      socket.destroy();
      return;
    }
    this.#connections.add(socket);
    socket.on("close", () => {
      this.#connections.delete(socket);
      this.#subscribers.delete(socket);
    });
    receive(socket, (request) => this.#answer(socket, request));
  }

  #answer(socket: Socket, { method, path, host }: Request): void {
    if (!HOSTS.includes(host)) return respond(socket, 403, "text/plain", "This page is for this machine only\n");
    if (method !== "GET") return respond(socket, 405, "text/plain", "Only GET\n");
    if (path === "/events") return this.#subscribe(socket);
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

  #subscribe(socket: Socket): void {
    beginEvents(socket);
    socket.on("drain", () => {
      const last = this.#subscribers.get(socket);
      if (last !== undefined) last.read = true;
      this.#send(socket);
    });
    this.#send(socket);
  }
}
