import type { Socket } from "node:net";

/**
 * As much of HTTP as one page needs: GET, and one request a connection. Not node:http, because a server of it that has a
 * connection open keeps a program from ending on Bun, whatever is told to `unref`, and with that keeps a core busy.
 */

/** What was asked for. */
export interface Request {
  readonly method: string;
  /** Without what follows a question mark. */
  readonly path: string;
  /** The header, without the port; "" where there is none. */
  readonly host: string;
}

/** A head that is longer is no browser's request for this page. */
const LONGEST_HEAD = 16_384;

/** Calls `answer` once the head of a request is complete; ends a connection that sends something else. */
export function receive(socket: Socket, answer: (request: Request) => void): void {
  let head = "";
  const listen = (bytes: Uint8Array): void => {
    head += new TextDecoder("latin1").decode(bytes);
    const end = head.indexOf("\r\n\r\n");
    if (end < 0 && head.length <= LONGEST_HEAD) return;
    socket.off("data", listen);
    const request = end < 0 || end > LONGEST_HEAD ? undefined : parse(head.slice(0, end));
    if (request === undefined) respond(socket, 400, "text/plain", "No request that this server understands\n");
    else answer(request);
  };
  socket.on("data", listen);
}

function parse(head: string): Request | undefined {
  const [first = "", ...lines] = head.split("\r\n");
  const [, method, target] = /^([A-Z]+) (\/[^ ]*) HTTP\/1\.[01]$/.exec(first) ?? [];
  if (method === undefined || target === undefined) return undefined;
  const host = lines.map((line) => /^host:[ \t]*(.*?)[ \t]*$/i.exec(line)?.[1]).find((value) => value !== undefined) ??
    "";
  return { method, path: target.replace(/\?.*$/, ""), host: host.replace(/:\d+$/, "").toLowerCase() };
}

const REASONS = { 200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed" };

/** Nothing but this server's own files runs on the page, and no other page may show it. */
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/** A picture has its style in it. */
const PICTURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'";

const HEADERS = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "connection": "close",
};

/** Sends an answer and ends the connection. */
export function respond(socket: Socket, status: keyof typeof REASONS, type: string, body: string): void {
  const bytes = new TextEncoder().encode(body);
  const policy = type === "image/svg+xml" ? PICTURE_POLICY : POLICY;
  const about = { "content-type": `${type}; charset=utf-8`, "content-length": String(bytes.length) };
  socket.write(headOf(status, { ...about, "content-security-policy": policy }));
  socket.end(bytes);
}

/** Sends the head of an answer that goes on for as long as the connection lives. */
export function beginEvents(socket: Socket): void {
  socket.write(headOf(200, { "content-type": "text/event-stream; charset=utf-8" }));
}

/** Writes one event; returns false when the other side does not read as fast as it is written to. */
export function sendEvent(socket: Socket, data: unknown): boolean {
  return socket.write(`data: ${JSON.stringify(data)}\n\n`);
}

function headOf(status: keyof typeof REASONS, more: Readonly<Record<string, string>>): string {
  const lines = Object.entries({ ...HEADERS, ...more }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${REASONS[status]}\r\n${lines.join("")}\r\n`;
}
