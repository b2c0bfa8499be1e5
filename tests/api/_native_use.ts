/**
 * What tests pass blocks to: calls that read a block, and the moment from which the documentation says that the block may
 * be freed. A lender frees the block at that moment and lets the next owner overwrite it.
 */

import { assertEquals } from "@std/assert";
import { MemPool } from "mempool";
import { Buffer } from "node:buffer";
import { type EventEmitter, once } from "node:events";
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import process from "node:process";
import { serve as serveOnNode } from "../../examples/backpressure/serve.ts";
import { onDeno, onNode } from "../../scripts/_project.ts";
import { present } from "../support/pool.ts";

/** The byte that the next owner of a freed block writes everywhere. No pattern contains it. */
const FOREIGN = 255;

/** Writes a pattern that depends on the position and on the block's number. */
function fill(bytes: Uint8Array, number = 0): void {
  for (let index = 0; index < bytes.length; index++) bytes[index] = (index + 7 * number) % 251;
}

/** Blocks of one length, which are freed one after the other. The next owner of each overwrites it at once. */
export class Lender implements Disposable {
  readonly #pool: MemPool;
  readonly #byteLength: number;
  #lent = 0;
  #expected: Uint8Array[] = [];

  constructor(byteLength: number, blocks = 1) {
    this.#byteLength = byteLength;
    // A pool has to be longer than one block.
    this.#pool = MemPool.init((blocks + 0.5) * Math.max(byteLength, 32), byteLength, { cachedBlocks: 0 });
  }

  get pool(): MemPool {
    return this.#pool;
  }

  /** A block that is filled with a pattern of its own. */
  lend(): ArrayBuffer {
    const block = present(this.#pool.alloc(this.#byteLength));
    const bytes = new Uint8Array(block);
    fill(bytes, this.#lent++);
    this.#expected.push(bytes.slice());
    return block;
  }

  /** Frees a block. The next owner of the block gets it at once, overwrites it and keeps it. */
  free(block: ArrayBuffer): void {
    const offset = this.#pool.offsetOf(block);
    this.#pool.free(block);
    const next = present(this.#pool.alloc(this.#byteLength));
    assertEquals(this.#pool.offsetOf(next), offset);
    new Uint8Array(next).fill(FOREIGN);
  }

  /** Expects the bytes of all lent blocks, in their order. */
  assertReceived(bytes: Uint8Array): void {
    assertEquals(bytes.length, this.#expected.length * this.#byteLength);
    for (const [number, expected] of this.#expected.entries()) {
      const part = bytes.subarray(number * this.#byteLength, (number + 1) * this.#byteLength);
      if (Buffer.compare(part, expected) === 0) continue;
      const wrong = part.findIndex((byte, index) => byte !== expected[index]);
      assertEquals(wrong, -1, `index of the first wrong byte of block ${number}, which is ${part[wrong]}`);
    }
  }

  /** Expects that nothing but its next owner has written to any block that was freed. */
  assertUntouched(): void {
    const bytes = new Uint8Array(this.#pool.buffer, 0, this.#expected.length * this.#pool.blockSize);
    for (let start = 0; start < bytes.length; start += this.#pool.blockSize) {
      const index = bytes.subarray(start, start + this.#byteLength).findIndex((byte) => byte !== FOREIGN);
      assertEquals(index, -1, "index of a byte that its next owner has not written");
    }
  }

  [Symbol.dispose](): void {
    this.#pool.destroy();
  }
}

/** Passes a block to a call and frees it right after. Returns the bytes that arrive. */
export type Use = (block: ArrayBuffer, free: () => void) => Promise<Uint8Array>;

/** A consumer of several blocks. */
export interface Sink {
  /** Passes the bytes of a block on. Settles at the moment from which the block may be freed. */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<unknown>;
  /** Ends the sink and returns everything that it received. */
  end(): Promise<Uint8Array>;
}

/** Some turns of the event loop, in which calls that do not wait for their consumer make progress. */
export async function turns(count = 10): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setTimeout(resolve, 1));
}

type Bytes = Uint8Array | Uint8ClampedArray | ArrayBuffer;

/** Everything that a stream delivers. Reading begins late, so that the source of the stream has to wait. */
export async function collect(stream: AsyncIterable<Bytes>, begin = turns()): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  await begin;
  for await (const part of stream) {
    parts.push(part instanceof ArrayBuffer ? new Uint8Array(part.slice(0)) : Uint8Array.from(part));
  }
  return concat(parts);
}

export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** The same writes through a Node stream, each of which settles in its callback. */
export function writeWithCallback(stream: NodeJS.WritableStream): Sink["write"] {
  return (bytes) =>
    new Promise<void>((resolve, reject) => {
      stream.write(bytes, (error) => error == null ? resolve() : reject(error));
    });
}

/** A connection of two sockets within this process. */
export async function socketPair(): Promise<[Socket, Socket]> {
  const accepted = Promise.withResolvers<Socket>();
  const server = createServer((socket) => accepted.resolve(socket));
  await listening(server);
  const socket = connect(portOf(server), LOOPBACK);
  const other = await accepted.promise;
  server.close();
  return [socket, other];
}

/** A connection of two Deno sockets. */
export async function denoConnection(): Promise<[Deno.TcpConn, Deno.TcpConn]> {
  using listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
  const accepted = listener.accept();
  return [await Deno.connect({ hostname: LOOPBACK, port: listener.addr.port }), await accepted];
}

export const LOOPBACK = "127.0.0.1";

interface Listener {
  listen(port: number, host: string, done: () => void): unknown;
  address(): AddressInfo | string | null;
}

function listening(server: Listener): Promise<void> {
  return new Promise((resolve) => server.listen(0, LOOPBACK, resolve));
}

function portOf(server: Listener): number {
  return (server.address() as AddressInfo).port;
}

/** A server of `node:http`. */
export async function serveNode(listener: RequestListener): Promise<{ port: number } & AsyncDisposable> {
  const server = createHttpServer(listener);
  await listening(server);
  const stop = (): Promise<void> => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(() => resolve()));
  };
  return { port: portOf(server), [Symbol.asyncDispose]: stop };
}

type Handler = (request: Request, info?: Deno.ServeHandlerInfo) => Response | Promise<Response>;

/** A server of the runtime's own. Node has none for these types, so they are converted there. */
export async function serve(handler: Handler): Promise<{ url: string } & AsyncDisposable> {
  if (onNode) return await serveOnNode(async (request) => await handler(request));
  if (onDeno) {
    const server = Deno.serve({ hostname: LOOPBACK, port: 0, onListen: () => {} }, handler);
    return { ...at(server.addr.port), [Symbol.asyncDispose]: () => server.shutdown() };
  }
  const server = Bun.serve({ hostname: LOOPBACK, port: 0, fetch: (request) => handler(request) });
  return { ...at(server.port!), [Symbol.asyncDispose]: () => server.stop(true) };
}

function at(port: number): { port: number; url: string } {
  return { port, url: `http://${LOOPBACK}:${port}/` };
}

/**
 * A server that calls `greet` for each client, or returns what the client sends if there is no `greet`. Node has no
 * server for web sockets; the package that serves there is not what the tests are about.
 */
export async function serveWebSocket(
  greet?: (send: (bytes: Uint8Array<ArrayBuffer>) => void) => void,
): Promise<{ url: string } & AsyncDisposable> {
  if (onNode) return await serveWebSocketOnNode();
  if (onDeno) {
    const server = Deno.serve({ hostname: LOOPBACK, port: 0, onListen: () => {} }, (request) => {
      const { socket, response } = Deno.upgradeWebSocket(request);
      socket.binaryType = "arraybuffer";
      if (greet === undefined) socket.onmessage = ({ data }) => socket.send(data);
      else socket.onopen = () => greet((bytes) => socket.send(bytes));
      return response;
    });
    return { url: `ws://${LOOPBACK}:${server.addr.port}/`, [Symbol.asyncDispose]: () => server.shutdown() };
  }
  const server = Bun.serve({
    hostname: LOOPBACK,
    port: 0,
    fetch: (request, server) => server.upgrade(request) ? undefined : new Response(null, { status: 400 }),
    websocket: {
      maxPayloadLength: 2 ** 25,
      message: (socket, data) => void (greet === undefined && socket.send(data)),
      open: (socket) => greet?.((bytes) => void socket.send(bytes)),
    },
  });
  return { url: `ws://${LOOPBACK}:${server.port}/`, [Symbol.asyncDispose]: () => server.stop(true) };
}

/** The part of the package ws that is used here. */
interface WebSocketPackage {
  readonly WebSocketServer: new (options: { host: string; port: number }) => WebSocketServer;
}

interface WebSocketServer extends EventEmitter {
  address(): AddressInfo;
  close(): void;
}

async function serveWebSocketOnNode(): Promise<{ url: string } & AsyncDisposable> {
  const { WebSocketServer } = await import("ws" as string) as WebSocketPackage;
  const server = new WebSocketServer({ host: LOOPBACK, port: 0 });
  server.on("connection", (socket: EventEmitter & { send(data: unknown): void }) => {
    socket.on("message", (data) => socket.send(data));
  });
  await once(server, "listening");
  return {
    url: `ws://${LOOPBACK}:${server.address().port}/`,
    [Symbol.asyncDispose]: async () => {
      server.close();
      await once(server, "close");
    },
  };
}

/** The first message that a socket receives. */
export async function firstMessage(url: string, opened: (socket: WebSocket) => void): Promise<Uint8Array> {
  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  const message = Promise.withResolvers<ArrayBuffer>();
  socket.onopen = () => opened(socket);
  socket.onmessage = ({ data }: MessageEvent<ArrayBuffer>) => message.resolve(data);
  socket.onerror = () => message.reject(new Error("The socket failed"));
  const data = await message.promise;
  const closed = new Promise((resolve) => socket.onclose = resolve);
  socket.close();
  await closed;
  return new Uint8Array(data);
}

/** The library of the system that the tests call without a package. */
export const LIBC = process.platform === "darwin" ? "libc.dylib" : "libc.so.6";
