type Handler = (request: Request) => Promise<Response>;

/** A running server. */
export interface Server extends AsyncDisposable {
  readonly url: string;
}

/** Serves requests on a free port of this machine. Only this function differs between the runtimes. */
export function serve(handler: Handler): Server {
  const hostname = "127.0.0.1";
  if ("Deno" in globalThis) {
    const server = Deno.serve({ hostname, port: 0, onListen: () => {} }, answering(handler));
    return { url: `http://${hostname}:${server.addr.port}/`, [Symbol.asyncDispose]: () => server.shutdown() };
  }
  const server = Bun.serve({ hostname, port: 0, fetch: answering(handler) });
  return { url: `http://${hostname}:${server.port}/`, [Symbol.asyncDispose]: () => server.stop() };
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
