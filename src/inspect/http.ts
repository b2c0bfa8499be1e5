/**
 * The part of HTTP that one page needs: GET, and one request per connection. It replaces node:http: on Bun, a node:http
 * server with an open connection keeps the program running in spite of `unref`, and keeps one core busy.
 *
 * @module
 */

import type { Socket } from "node:net";
import { TextDecoder, TextEncoder } from "node:util";

/** A request, as far as it decides the answer. */
export interface Request {
  readonly method: string;
  /** Path without the query. */
  readonly path: string;
  /** Value of the Host header in lower case and without the port; empty if there is no such header. */
  readonly host: string;
}

/** Characters of a request up to its empty line. No browser sends more to this page. */
const MAX_HEAD_LENGTH = 16_384;

/**
 * Calls `answer` once the head of a request is complete. Anything else is answered with an error, which ends the
 * connection.
 */
export function receive(socket: Socket, answer: (request: Request) => void): void {
  let head = "";
  const listen = (bytes: Uint8Array): void => {
    head += new TextDecoder("latin1").decode(bytes);
    const end = head.indexOf("\r\n\r\n");
    if (end < 0 && head.length <= MAX_HEAD_LENGTH) return;
    socket.off("data", listen);
    const request = end < 0 || end > MAX_HEAD_LENGTH ? undefined : parse(head.slice(0, end));
    if (request === undefined) respond(socket, 400, "text/plain", "This server does not understand the request\n");
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

/** The page may load and run files of this server only, and no other page may embed it. */
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/** The picture contains its style sheet. */
const PICTURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'";

const HEADERS = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "connection": "close",
};

/** Sends a complete answer and ends the connection. */
export function respond(socket: Socket, status: keyof typeof REASONS, type: string, body: string): void {
  const bytes = new TextEncoder().encode(body);
  const policy = type === "image/svg+xml" ? PICTURE_POLICY : POLICY;
  const headers = { "content-type": `${type}; charset=utf-8`, "content-length": String(bytes.length) };
  socket.write(headOf(status, { ...headers, "content-security-policy": policy }));
  socket.end(bytes);
}

/** Sends the head of a stream of events. The stream ends with the connection. */
export function beginEvents(socket: Socket): void {
  socket.write(headOf(200, { "content-type": "text/event-stream; charset=utf-8" }));
}

/** Writes one event. Returns false if the client reads more slowly than this server writes. */
export function sendEvent(socket: Socket, data: unknown): boolean {
  return socket.write(`data: ${JSON.stringify(data)}\n\n`);
}

function headOf(status: keyof typeof REASONS, headers: Readonly<Record<string, string>>): string {
  const lines = Object.entries({ ...HEADERS, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${REASONS[status]}\r\n${lines.join("")}\r\n`;
}
