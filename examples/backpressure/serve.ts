import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";

type Handler = (request: Request) => Promise<Response>;

/** A running server. */
export interface Server extends AsyncDisposable {
  readonly url: string;
}

const hostname = "127.0.0.1";

/** Serves requests on a free port of this machine. Only this module differs between the runtimes. */
export function serve(handler: Handler): Promise<Server> {
  return serveWithRuntime(answering(handler));
}

async function serveWithRuntime(handler: Handler): Promise<Server> {
  if ("Deno" in globalThis) {
    const server = Deno.serve({ hostname, port: 0, onListen: () => {} }, handler);
    return { url: urlOf(server.addr.port), [Symbol.asyncDispose]: () => server.shutdown() };
  }
  if ("Bun" in globalThis) {
    const server = Bun.serve({ hostname, port: 0, fetch: handler });
    return { url: urlOf(server.port!), [Symbol.asyncDispose]: () => server.stop() };
  }
  const server = createServer((incoming, outgoing) => void answerOnNode(handler, incoming, outgoing));
  await once(server.listen(0, hostname), "listening");
  return {
    url: urlOf((server.address() as AddressInfo).port),
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeIdleConnections();
      await once(server, "close");
    },
  };
}

function urlOf(port: number): string {
  return `http://${hostname}:${port}/`;
}

/** Node's server has streams of its own, so their requests and responses are converted. */
async function answerOnNode(handler: Handler, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const ended = new AbortController();
  outgoing.on("close", () => ended.abort());
  const { method = "GET", url = "" } = incoming;
  const hasBody = method !== "GET" && method !== "HEAD";
  const body = hasBody ? { body: Readable.toWeb(incoming), duplex: "half" } : {};
  const init = { method, signal: ended.signal, ...body } as RequestInit;
  const response = await handler(new Request(`http://${hostname}${url}`, init));
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  outgoing.end(new Uint8Array(await response.arrayBuffer()));
}

/** Reports a request that fails, for example because its client has disconnected. The server continues. */
function answering(handler: Handler): Handler {
  return async (request) => {
    try {
      return await handler(request);
    } catch (error) {
      console.error(`${request.method} failed: ${error}`);
      return new Response("Failed\n", { status: 500 });
    }
  };
}
