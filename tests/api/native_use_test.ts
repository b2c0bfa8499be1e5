/**
 * The table "When may a block be freed" of the guide, line by line. Each test frees a block at the moment that the table
 * names and lets the next owner of the block overwrite it at once. The consumer must still receive the right bytes.
 *
 * What happens if a program frees a block earlier is not tested, except where the outcome is certain: it depends on the
 * runtime, the length of the block and the speed of the consumer.
 */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import {
  closeSync,
  createWriteStream,
  mkdirSync,
  mkdtempSync,
  openSync,
  promises,
  read,
  readFileSync,
  rmSync,
  write,
  writeSync,
} from "node:fs";
import { request, type ServerResponse } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { createDeflate, deflate, deflateSync, inflateSync } from "node:zlib";
import { onNode, root, scratch } from "../../scripts/_project.ts";
import {
  collect,
  concat,
  denoConnection,
  firstMessage,
  Lender,
  LIBC,
  LOOPBACK,
  serve,
  serveNode,
  serveWebSocket,
  type Sink,
  socketPair,
  turns,
  type Use,
  writeWithCallback,
} from "./_native_use.ts";
import { bunTest, denoTest, nodeTest, skip, test } from "../support/harness.ts";

/** More than the system buffers between two sockets, and less than a page. */
const LENGTHS = [8 * 1024 * 1024, 1000];

/** The lines of the table that are tested. A line of the guide without a test, or the reverse, is an error. */
const lines = new Set<string>();

/** Uses that may be followed by `free` at once, of this line of the table. */
function safeAtOnce(line: string, uses: Readonly<Record<string, Use>>, register = test): void {
  lines.add(line);
  for (const [name, use] of Object.entries(uses)) {
    for (const byteLength of LENGTHS) {
      register(`free - at once after ${name}, a block of ${byteLength} bytes`, async () => {
        using lender = new Lender(byteLength);
        const block = lender.lend();
        lender.assertReceived(await use(block, () => lender.free(block)));
      });
    }
  }
}

/** Sinks whose `write` settles when the block may be freed, of this line of the table. */
function safeAfter(
  line: string,
  sinks: Readonly<Record<string, () => Promise<Sink>>>,
  register = test,
  shapes: readonly (readonly [count: number, byteLength: number])[] = [[12, 1024 * 1024], [40, 1000]],
): void {
  lines.add(line);
  for (const [name, open] of Object.entries(sinks)) {
    for (const [count, byteLength] of shapes) {
      register(`free - after ${name}, ${count} blocks of ${byteLength} bytes at once`, async () => {
        using lender = new Lender(byteLength, count);
        const sink = await open();
        const writes = Array.from({ length: count }, async () => {
          const block = lender.lend();
          await sink.write(new Uint8Array(block));
          lender.free(block);
        });
        await Promise.all(writes);
        lender.assertReceived(await sink.end());
      });
    }
  }
}

/** A file for as long as a test takes. */
class TestFile implements Disposable {
  readonly #folder: string;
  readonly path: string;

  constructor() {
    mkdirSync(scratch, { recursive: true });
    this.#folder = mkdtempSync(join(scratch, "use-"));
    this.path = join(this.#folder, "file");
  }

  /** The contents of the file, which is then removed. */
  take(): Uint8Array {
    const bytes = readFileSync(this.path);
    this[Symbol.dispose]();
    return bytes;
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

const bytesOf = async (source: Response | Request | Blob): Promise<Uint8Array> =>
  new Uint8Array(await source.arrayBuffer());

const post = (url: string, body: ArrayBuffer | ReadableStream): Promise<Response> =>
  fetch(url, { method: "POST", body, duplex: "half" as const });

safeAtOnce("synchronous calls: `TextDecoder.decode`, `Hash.update`, `writeSync`, `deflateSync`", {
  "TextDecoder.decode": async (block, free) => {
    const text = new TextDecoder("latin1").decode(block);
    free();
    // The encoding has other characters for 128 to 159.
    const codes = new Map(
      Array.from({ length: 256 }, (_, byte) => [new TextDecoder("latin1").decode(Uint8Array.of(byte)), byte]),
    );
    return Uint8Array.from(text, (character) => codes.get(character)!);
  },
  "Hash.update": async (block, free) => {
    const [copy, hash] = [new Uint8Array(block.slice(0)), createHash("sha256").update(new Uint8Array(block))];
    free();
    assertEquals(hash.digest("hex"), createHash("sha256").update(copy).digest("hex"));
    return copy;
  },
  "writeSync": async (block, free) => {
    const file = new TestFile();
    const descriptor = openSync(file.path, "w");
    assertEquals(writeSync(descriptor, new Uint8Array(block)), block.byteLength);
    free();
    closeSync(descriptor);
    return file.take();
  },
  "deflateSync": async (block, free) => {
    const deflated = deflateSync(new Uint8Array(block));
    free();
    return inflateSync(deflated);
  },
});

safeAtOnce("`new Response`, `new Request`, the body of `fetch`", {
  "new Response": async (block, free) => {
    const response = new Response(block);
    free();
    return await bytesOf(response);
  },
  "new Response, read as a stream": async (block, free) => {
    const response = new Response(new Uint8Array(block));
    free();
    return await collect(response.body!);
  },
  "new Request": async (block, free) => {
    const made = new Request("http://localhost/", { method: "POST", body: block });
    free();
    return await bytesOf(made);
  },
  "fetch": async (block, free) => {
    await using server = await serve(async (request) => new Response(await request.arrayBuffer()));
    const response = post(server.url, block);
    free();
    return await bytesOf(await response);
  },
  "a Response that a server sends": async (block, free) => {
    await using server = await serve(() => {
      const response = new Response(block);
      free();
      return response;
    });
    return await collect((await fetch(server.url)).body!);
  },
});

safeAtOnce("`new Blob`, `new File`", {
  "new Blob": async (block, free) => {
    const blob = new Blob([block]);
    free();
    return await bytesOf(blob);
  },
  "new Blob, read as a stream": async (block, free) => {
    const blob = new Blob([new Uint8Array(block)]);
    free();
    return await collect(blob.stream());
  },
  "new File": async (block, free) => {
    const file = new File([block], "name");
    free();
    return await bytesOf(file);
  },
});

const WEB_SOCKETS = "`WebSocket.send`, in a client and in a server";

safeAtOnce(WEB_SOCKETS, {
  "WebSocket.send in a client": async (block, free) => {
    await using server = await serveWebSocket();
    return await firstMessage(server.url, (socket) => {
      socket.send(block);
      free();
    });
  },
});

safeAtOnce(
  WEB_SOCKETS,
  {
    "WebSocket.send in a server": async (block, free) => {
      await using server = await serveWebSocket((send) => {
        send(new Uint8Array(block));
        free();
      });
      return await firstMessage(server.url, () => {});
    },
  },
  onNode ? skip("Node has no server for web sockets") : test,
);

const AES = { name: "AES-GCM", iv: new Uint8Array(12) };
const aesKey = (): Promise<CryptoKey> =>
  crypto.subtle.generateKey({ name: "AES-GCM", length: 128 }, false, ["encrypt", "decrypt"]);
const hmacKey = (): Promise<CryptoKey> =>
  crypto.subtle.importKey("raw", new Uint8Array(32), { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]);

safeAtOnce("`crypto.subtle`: `digest`, `sign`, `verify`, `encrypt`, `decrypt`", {
  "crypto.subtle.digest": async (block, free) => {
    const copy = new Uint8Array(block.slice(0));
    const digest = crypto.subtle.digest("SHA-256", block);
    free();
    assertEquals(Buffer.from(await digest).toString("hex"), createHash("sha256").update(copy).digest("hex"));
    return copy;
  },
  "crypto.subtle.sign": async (block, free) => {
    const [copy, key] = [new Uint8Array(block.slice(0)), await hmacKey()];
    const signature = crypto.subtle.sign("HMAC", key, block);
    free();
    assert(await crypto.subtle.verify("HMAC", key, await signature, copy));
    return copy;
  },
  "crypto.subtle.verify": async (block, free) => {
    const [copy, key] = [new Uint8Array(block.slice(0)), await hmacKey()];
    const verified = crypto.subtle.verify("HMAC", key, await crypto.subtle.sign("HMAC", key, copy), block);
    free();
    assert(await verified);
    return copy;
  },
  "crypto.subtle.encrypt": async (block, free) => {
    const key = await aesKey();
    const encrypted = crypto.subtle.encrypt(AES, key, block);
    free();
    return new Uint8Array(await crypto.subtle.decrypt(AES, key, await encrypted));
  },
  "crypto.subtle.decrypt": async (block, free) => {
    const [copy, key] = [new Uint8Array(block.slice(0)), await aesKey()];
    // The tag follows the data, so a block holds what is encrypted of 16 bytes less.
    new Uint8Array(block).set(new Uint8Array(await crypto.subtle.encrypt(AES, key, copy.subarray(16))));
    const decrypted = crypto.subtle.decrypt(AES, key, block);
    free();
    return concat([copy.subarray(0, 16), new Uint8Array(await decrypted)]);
  },
});

safeAtOnce("`structuredClone` and `postMessage` without a transfer list", {
  "structuredClone": async (block, free) => {
    const clone = structuredClone(block);
    free();
    return new Uint8Array(clone);
  },
  "postMessage": async (block, free) => {
    const { port1, port2 } = new MessageChannel();
    const message = new Promise<ArrayBuffer>((resolve) => port2.onmessage = ({ data }) => resolve(data));
    port1.postMessage(block);
    free();
    const copy = new Uint8Array(await message);
    port1.close();
    port2.close();
    return copy;
  },
});

safeAtOnce(
  "`write` of Bun's `FileSink`: `stdin` of `Bun.spawn`, `Bun.file(…).writer()`",
  {
    "write to stdin of Bun.spawn": async (block, free) => {
      const child = Bun.spawn(["cat"], { stdin: "pipe" });
      const received = collect(child.stdout);
      void child.stdin.write(block);
      free();
      await child.stdin.end();
      return await received;
    },
    "write to a file": async (block, free) => {
      const file = new TestFile();
      const sink = Bun.file(file.path).writer();
      void sink.write(block);
      free();
      await sink.end();
      return file.take();
    },
  },
  bunTest,
);

safeAfter(
  "`write` of a socket of `Bun.connect`",
  { "write of a socket of Bun.connect has returned the number of its bytes": openBunSocket },
  bunTest,
);

async function openBunSocket(): Promise<Sink> {
  const [other, received] = [Promise.withResolvers<Bun.Socket>(), Promise.withResolvers<void>()];
  const parts: Uint8Array[] = [];
  const server = Bun.listen({
    hostname: LOOPBACK,
    port: 0,
    socket: {
      open: (socket) => {
        socket.pause(); // resumed in `end`, or when the sender cannot go on
        other.resolve(socket);
      },
      data: (_socket, data) => void parts.push(data.slice()),
      close: () => received.resolve(),
    },
  });
  let drained = Promise.withResolvers<void>();
  const socket = await Bun.connect({
    hostname: LOOPBACK,
    port: server.port,
    socket: {
      data: () => {},
      drain: () => {
        drained.resolve();
        drained = Promise.withResolvers();
      },
    },
  });
  const peer = await other.promise;
  let before: Promise<unknown> = Promise.resolve();
  const write = async (bytes: Uint8Array): Promise<void> => {
    for (let rest = bytes; rest.length > 0;) {
      rest = rest.subarray(socket.write(rest));
      if (rest.length === 0) continue;
      const next = drained.promise;
      peer.resume();
      await next;
    }
  };
  return {
    write: (bytes) => before = before.then(() => write(bytes)),
    end: async () => {
      socket.end();
      peer.resume();
      await received.promise;
      server.stop();
      return concat(parts);
    },
  };
}

safeAfter(
  "`write` and `end` of Node's streams: sockets, requests, responses, files, zlib, `stdin` of a child process",
  {
    "the callback of a socket's write": async () => {
      const [socket, other] = await socketPair();
      const received = collect(other);
      return {
        write: writeWithCallback(socket),
        end: () => {
          socket.end();
          return received;
        },
      };
    },
    "the callback of a request's write": async () => {
      const received = Promise.withResolvers<Uint8Array>();
      const server = await serveNode((incoming, response) => {
        received.resolve(collect(incoming));
        void received.promise.then(() => response.end());
      });
      const outgoing = request({ host: LOOPBACK, port: server.port, method: "POST" });
      return {
        write: writeWithCallback(outgoing),
        end: async () => {
          outgoing.end();
          const [response] = await once(outgoing, "response");
          response.resume();
          await using _stopped = server;
          return await received.promise;
        },
      };
    },
    "the callback of a response's write": async () => {
      const begun = Promise.withResolvers<ServerResponse>();
      const server = await serveNode((_incoming, response) => begun.resolve(response));
      const socket = connect(server.port, LOOPBACK);
      socket.write("GET / HTTP/1.0\r\nHost: localhost\r\n\r\n");
      const response = await begun.promise;
      const received = collect(socket);
      return {
        write: writeWithCallback(response),
        end: async () => {
          response.end();
          await using _stopped = server;
          const bytes = Buffer.from(await received);
          return bytes.subarray(bytes.indexOf("\r\n\r\n") + 4);
        },
      };
    },
    "the callback of a file's write": async () => {
      const file = new TestFile();
      const stream = createWriteStream(file.path);
      return {
        write: writeWithCallback(stream),
        end: async () => {
          await new Promise<void>((resolve) => stream.end(resolve));
          return file.take();
        },
      };
    },
    "the callback of a zlib stream's write": async () => {
      const stream = createDeflate();
      const received = collect(stream);
      return {
        write: writeWithCallback(stream),
        end: async () => {
          stream.end();
          return inflateSync(await received);
        },
      };
    },
    "the callback of a write to a child process": async () => {
      const child = spawn("cat");
      // Both runtimes lose the output of a child that ends before its output is read.
      const received = collect(child.stdout, Promise.resolve());
      return {
        write: writeWithCallback(child.stdin),
        end: () => {
          child.stdin.end();
          return received;
        },
      };
    },
  },
);

/** A sink whose writes are calls with one result each. `assemble` makes the received bytes of the results in their order. */
function oneCallEach<Result>(
  call: (bytes: Uint8Array<ArrayBuffer>, place: number) => Promise<Result>,
  assemble: (results: Result[]) => Uint8Array | Promise<Uint8Array>,
): Sink {
  const results: Promise<Result>[] = [];
  return {
    write: (bytes) => {
      const result = call(bytes, results.length);
      results.push(result);
      return result;
    },
    end: async () => await assemble(await Promise.all(results)),
  };
}

/** Calls a function of Node with a callback. */
function called<Result>(run: (callback: (error: unknown, result: Result) => void) => void): Promise<Result> {
  return new Promise((resolve, reject) => run((error, result) => error == null ? resolve(result) : reject(error)));
}

safeAfter("`zlib.deflate` and other functions of Node with a callback", {
  "the callback of zlib.deflate": async () =>
    oneCallEach(
      (bytes) => called<Uint8Array>((callback) => deflate(bytes, callback)),
      (results) => concat(results.map((result) => inflateSync(result))),
    ),
});

safeAfter(
  "`send` of `node:dgram`",
  {
    "the callback of a datagram's send": async () => {
      const [sender, receiver] = [createSocket("udp4"), createSocket("udp4")];
      for (const socket of [sender, receiver]) await new Promise<void>((resolve) => socket.bind(0, LOOPBACK, resolve));
      const { port } = receiver.address();
      const received: Uint8Array[] = [];
      const expected = Promise.withResolvers<number>();
      const all = Promise.withResolvers<void>();
      receiver.on("message", async (message) => {
        received.push(message);
        if (received.length === await expected.promise) all.resolve();
      });
      let before: Promise<unknown> = Promise.resolve(); // one after the other, because datagrams may overtake each other
      const send = (bytes: Uint8Array): Promise<unknown> =>
        called((callback) => sender.send(bytes, port, LOOPBACK, callback));
      return oneCallEach(
        (bytes) => before = before.then(() => send(bytes)),
        async (sent) => {
          expected.resolve(sent.length);
          await all.promise;
          sender.close();
          receiver.close();
          return concat(received);
        },
      );
    },
  },
  test,
  // More bytes at once than the system's buffer holds would be lost.
  [[20, 1000]],
);

/** A sink that writes each block to its place in a file. */
async function intoFile(
  write: (
    path: string,
  ) => Promise<[call: (bytes: Uint8Array, position: number) => Promise<unknown>, close: () => unknown]>,
): Promise<Sink> {
  const file = new TestFile();
  const [call, close] = await write(file.path);
  let [position, before]: [number, Promise<unknown>] = [0, Promise.resolve()];
  return {
    write: (bytes) => {
      const at = position;
      position += bytes.length;
      return before = before.then(() => call(bytes, at));
    },
    end: async () => {
      await before;
      await close();
      return file.take();
    },
  };
}

async function writeAll(sink: { write(bytes: Uint8Array): Promise<number> }, bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await sink.write(rest));
}

const FILES = "files: `fs.write`, `fs.promises`, `FileHandle`, `Deno.writeFile`, `Deno.FsFile`, `Bun.write`";

safeAfter(FILES, {
  "the callback of fs.write": () =>
    intoFile(async (path) => {
      const descriptor = openSync(path, "w");
      return [
        (bytes, position) => called((callback) => write(descriptor, bytes, 0, bytes.length, position, callback)),
        () => closeSync(descriptor),
      ];
    }),
  "the promise of FileHandle.write": () =>
    intoFile(async (path) => {
      const handle = await promises.open(path, "w");
      return [(bytes, position) => handle.write(bytes, 0, bytes.length, position), () => handle.close()];
    }),
  "the promise of fs.promises.appendFile": () =>
    intoFile(async (path) => [(bytes) => promises.appendFile(path, bytes), () => {}]),
});

safeAfter(
  FILES,
  {
    "the promise of Deno.writeFile": () =>
      intoFile(async (path) => [(bytes) => Deno.writeFile(path, bytes, { append: true }), () => {}]),
    "the promise of Deno.FsFile.write": () =>
      intoFile(async (path) => {
        const file = await Deno.open(path, { write: true, create: true });
        return [(bytes) => writeAll(file, bytes), () => file.close()];
      }),
  },
  denoTest,
);

safeAfter(
  FILES,
  {
    "the promise of Bun.write": async () => {
      const files: TestFile[] = [];
      return oneCallEach(
        async (bytes) => {
          const file = new TestFile();
          files.push(file);
          await Bun.write(file.path, bytes);
        },
        () => concat(files.map((file) => file.take())),
      );
    },
  },
  bunTest,
);

safeAfter(
  "`write` of a socket of `Deno.connect`",
  {
    "the promise of Deno.Conn.write": async () => {
      const [socket, other] = await denoConnection();
      const received = collect(other.readable);
      let before = Promise.resolve();
      return {
        write: (bytes) => before = before.then(() => writeAll(socket, bytes)),
        end: () => {
          socket.close();
          return received;
        },
      };
    },
  },
  denoTest,
);

function throughWriter(writable: WritableStream<Uint8Array<ArrayBuffer>>, received: Promise<Uint8Array>): Sink {
  const writer = writable.getWriter();
  return {
    write: (bytes) => writer.write(bytes),
    end: async () => {
      await writer.close();
      return await received;
    },
  };
}

const WRITERS = "the writer of a stream that ends in the runtime: `CompressionStream`, a socket or a file of Deno";

const openCompression = async (): Promise<Sink> => {
  const { readable, writable } = new CompressionStream("deflate");
  return throughWriter(writable, collect(readable).then((deflated) => inflateSync(deflated)));
};

safeAfter(
  WRITERS,
  { "the promise of write to a CompressionStream": openCompression },
  onNode ? skip("on Node it may settle earlier") : test,
);

nodeTest("free - at once after a copy is written to a CompressionStream", async () => {
  using lender = new Lender(1000, 40);
  const sink = await openCompression();
  const writes = Array.from({ length: 40 }, () => sink.write(copyAndFree(lender)(lender.lend())));
  await Promise.all(writes);
  lender.assertReceived(await sink.end());
});

safeAfter(
  WRITERS,
  {
    "the promise of write to the stream of a socket": async () => {
      const [socket, other] = await denoConnection();
      return throughWriter(socket.writable, collect(other.readable));
    },
    "the promise of write to the stream of a child process": async () => {
      const child = new Deno.Command("cat", { stdin: "piped", stdout: "piped" }).spawn();
      return throughWriter(child.stdin, collect(child.stdout));
    },
  },
  denoTest,
);

/** Reads a file into the blocks of a pool, all at once, and frees each when its read has ended. */
function safeAfterReading(
  line: string,
  readers: Readonly<
    Record<string, (path: string, bytes: Uint8Array<ArrayBuffer>, position: number) => Promise<unknown>>
  >,
  register = test,
): void {
  lines.add(line);
  for (const [name, readInto] of Object.entries(readers)) {
    register(`free - after ${name}, into 12 blocks at once`, async () => {
      const [count, byteLength] = [12, 256 * 1024];
      using lender = new Lender(byteLength, count);
      using file = new TestFile();
      const blocks = Array.from({ length: count }, () => lender.lend());
      await promises.writeFile(file.path, concat(blocks.map((block) => new Uint8Array(block))));
      const received = await Promise.all(blocks.map(async (block, place) => {
        const bytes = new Uint8Array(block).fill(0);
        await readInto(file.path, bytes, place * byteLength);
        const copy = bytes.slice();
        lender.free(block);
        return copy;
      }));
      lender.assertReceived(concat(received));
      await turns();
      lender.assertUntouched();
    });
  }
}

const READS = "reading into a block: `fs.read`, `FileHandle.read`, `Deno.FsFile.read`, `Deno.Conn.read`";

safeAfterReading(READS, {
  "the callback of fs.read": async (path, bytes, position) => {
    const descriptor = openSync(path, "r");
    const count = await called((callback) => read(descriptor, bytes, 0, bytes.length, position, callback));
    closeSync(descriptor);
    assertEquals(count, bytes.length);
  },
  "the promise of FileHandle.read": async (path, bytes, position) => {
    const handle = await promises.open(path, "r");
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, position);
    await handle.close();
    assertEquals(bytesRead, bytes.length);
  },
});

safeAfterReading(
  READS,
  {
    "the promise of Deno.FsFile.read": async (path, bytes, position) => {
      using file = await Deno.open(path);
      await file.seek(position, Deno.SeekMode.Start);
      for (let rest = bytes; rest.length > 0;) rest = rest.subarray((await file.read(rest))!);
    },
    "the promise of Deno.Conn.read": async (path, bytes, position) => {
      const [socket, other] = await denoConnection();
      const sent = writeAll(other, readFileSync(path).subarray(position, position + bytes.length));
      for (let rest = bytes; rest.length > 0;) rest = rest.subarray((await socket.read(rest))!);
      await sent;
      socket.close();
      other.close();
    },
  },
  denoTest,
);

safeAfter(
  "a `nonblocking` call of C on Deno",
  {
    "the promise of a nonblocking call": async () => {
      const library = Deno.dlopen(LIBC, {
        memcpy: { parameters: ["buffer", "buffer", "usize"], result: "pointer", nonblocking: true },
      });
      return oneCallEach(
        async (bytes) => {
          const copy = new Uint8Array(bytes.length);
          await library.symbols.memcpy(copy, bytes, BigInt(bytes.length));
          return copy;
        },
        (copies) => {
          library.close();
          return concat(copies);
        },
      );
    },
  },
  denoTest,
);

/** A stream that frees a block when the next one is asked for, or never if there is no `free`. */
function streamOf(
  lender: Lender,
  count: number,
  chunkOf: (block: ArrayBuffer) => Uint8Array<ArrayBuffer>,
  free?: (block: ArrayBuffer) => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let [given, last]: [number, ArrayBuffer | undefined] = [0, undefined];
  const source = {
    pull: (controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>) => {
      if (last !== undefined) free?.(last);
      if (given++ === count) return controller.close();
      last = lender.lend();
      controller.enqueue(chunkOf(last));
    },
  };
  return new ReadableStream(source, { highWaterMark: 0 });
}

const viewOf = (block: ArrayBuffer): Uint8Array<ArrayBuffer> => new Uint8Array(block);

lines.add("`enqueue` into a stream that this program reads");

for (const byteLength of [1000, 256 * 1024]) {
  test(`free - after the reader of a stream has used the chunk, blocks of ${byteLength} bytes`, async () => {
    using lender = new Lender(byteLength, 12);
    const parts: Uint8Array[] = [];
    for await (const chunk of streamOf(lender, 12, viewOf, (block) => lender.free(block))) parts.push(chunk.slice());
    lender.assertReceived(concat(parts));
    lender.assertUntouched();
  });
}

test("free - at once after enqueue, the reader gets the bytes of the next owner", async () => {
  using lender = new Lender(1000);
  const block = lender.lend();
  const [first] = new Uint8Array(block);
  const stream = new ReadableStream({
    start: (controller) => {
      controller.enqueue(new Uint8Array(block));
      lender.free(block);
    },
  });
  const { value } = await stream.getReader().read();
  assertNotEquals(value[0], first);
  lender.assertUntouched();
});

lines.add("`enqueue` into the body of a `Response` or of `fetch`");

/** A chunk that does not belong to the pool, so that the block can be freed before the chunk is used. */
function copyAndFree(lender: Lender): (block: ArrayBuffer) => Uint8Array<ArrayBuffer> {
  return (block) => {
    const copy = new Uint8Array(block).slice();
    lender.free(block);
    return copy;
  };
}

for (const [count, byteLength] of [[12, 1024 * 1024], [40, 1000]] as const) {
  test(`free - at once after a copy is enqueued into a Response, ${count} blocks of ${byteLength} bytes`, async () => {
    using lender = new Lender(byteLength, count);
    await using server = await serve(() => new Response(streamOf(lender, count, copyAndFree(lender))));
    lender.assertReceived(await collect((await fetch(server.url)).body!));
    lender.assertUntouched();
  });

  test(`free - at once after a copy is enqueued into fetch, ${count} blocks of ${byteLength} bytes`, async () => {
    using lender = new Lender(byteLength, count);
    await using server = await serve(async (request) => new Response(await collect(request.body!)));
    const body = streamOf(lender, count, copyAndFree(lender));
    lender.assertReceived(await collect((await post(server.url, body)).body!));
    lender.assertUntouched();
  });

  denoTest(`free - after info.completed of Deno.serve, ${count} blocks of ${byteLength} bytes`, async () => {
    using lender = new Lender(byteLength, count);
    const completed = Promise.withResolvers<void>();
    await using server = await serve((_request, info) => {
      const blocks: ArrayBuffer[] = [];
      const keep = (block: ArrayBuffer): Uint8Array<ArrayBuffer> => new Uint8Array(blocks[blocks.push(block) - 1]!);
      info!.completed.then(() => {
        for (const block of blocks) lender.free(block);
        completed.resolve();
      });
      return new Response(streamOf(lender, count, keep));
    });
    lender.assertReceived(await collect((await fetch(server.url)).body!));
    await completed.promise;
    lender.assertUntouched();
  });
}

lines.add("BYOB reads, and `enqueue` into a byte stream");

test("free - never after enqueue into a byte stream, which takes the block", async () => {
  using lender = new Lender(1000);
  const block = lender.lend();
  const stream = new ReadableStream({
    type: "bytes",
    start: (controller) => {
      controller.enqueue(new Uint8Array(block));
      assertEquals([block.detached, lender.pool.owns(block)], [true, false]);
      controller.close();
    },
  });
  const { value } = await stream.getReader().read();
  lender.assertReceived(value!.slice());
  lender.free(value!.buffer); // the chunk is the block
});

test("free - the guide lists exactly the uses that are tested", () => {
  const guide = readFileSync(join(root, "docs", "guide.md"), "utf8");
  const section = /^## When may a block be freed\n[^]*?(?=^## )/m.exec(guide)?.[0] ?? "";
  const rows = [...section.matchAll(/^\| (.*?) +\|/gm)].map(([, cell]) => cell).filter((cell) =>
    !/^-|^the block/.test(cell!)
  );
  assertEquals(rows.sort(), [...lines].sort());
});
