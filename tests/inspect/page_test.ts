/** The server of the page: which requests it answers, and how. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { MemPool } from "mempool";
import { mapAsText, servePage } from "mempool/inspect";
import { onDeno } from "../../scripts/_project.ts";
import { skip, test } from "../support/harness.ts";
import { ask, dial, elementsOf, Events, lettered } from "../support/inspect.ts";
import { makePool } from "../support/pool.ts";
import { RunningProgram } from "../support/running_program.ts";

/** A short interval, so that tests wait for the next event only briefly. */
const QUICK = { interval: 10 };

async function read(url: string, file = ""): Promise<{ status: number; type: string | null; text: string }> {
  const response = await fetch(new URL(file, url));
  return { status: response.status, type: response.headers.get("content-type"), text: await response.text() };
}

test("page - serves its own files and no others", async () => {
  using page = await servePage(lettered("AA.b"));
  const types: Record<string, string> = {};
  for (const file of ["", "page.js", "page.css", "map.svg", "map.txt", "?a=b", "page.js?c"]) {
    const { status, type, text } = await read(page.url, file);
    assertEquals(status, 200, file);
    assert(text.length > 100);
    types[file] = type!.replace("; charset=utf-8", "");
  }
  assertEquals(types, {
    "": "text/html",
    "page.js": "text/javascript",
    "page.css": "text/css",
    "map.svg": "image/svg+xml",
    "map.txt": "text/plain",
    "?a=b": "text/html",
    "page.js?c": "text/javascript",
  });
  for (const file of ["index.html", "page", "../../mod.ts", "%2e%2e/mod.ts"]) {
    assertEquals((await read(page.url, file)).status, 404, file);
  }
});

test("page - map.txt is the text of mapAsText, and map.svg is a picture with its style sheet", async () => {
  const pool = lettered("AAA.bb+#...BB....");
  using page = await servePage(pool);
  assertEquals((await read(page.url, "map.txt")).text, `${mapAsText(pool, { colours: false })}\n`);
  const svg = (await read(page.url, "map.svg")).text;
  assertEquals(elementsOf(svg)[0]!.name, "svg");
  assertStringIncludes(svg, "<style>");
});

test("page - events carry the counts of stats() and follow the pool", async () => {
  using pool = makePool();
  using page = await servePage(pool, QUICK);
  await using events = await Events.open(page.url);
  const first = await events.until(() => true);
  assertEquals([first.state, first.message, first.stats!.allocatedBlocks], ["live", "Live", 0]);
  pool.allocMany(10, 64);
  const { stats, picture } = await events.until((event) => event.stats!.allocatedBlocks > 0);
  const { lockAcquisitions: _1, ...seen } = stats!;
  const { lockAcquisitions: _2, ...now } = pool.stats();
  assertEquals(seen, now);
  assertStringIncludes(picture!, "10 blocks allocated");
  assert(!picture!.includes("<style>"), "the policy of the page forbids inline styles");
});

test("page - shows the last survey after the pool is destroyed", async () => {
  const pool = makePool();
  using page = await servePage(pool, QUICK);
  await using events = await Events.open(page.url);
  pool.allocMany(10, 64);
  await events.until((event) => event.stats!.allocatedBlocks === 10);
  pool.destroy();
  const last = await events.until(({ state }) => state !== "live");
  assertEquals([last.state, last.message], ["ended", "The pool was destroyed; this is how it looked last"]);
  assertEquals(last.stats!.allocatedBlocks, 10);
  assertStringIncludes(last.picture!, "10 blocks allocated");
  await using late = await Events.open(page.url);
  assertEquals(await late.next(), last);
  assertStringIncludes((await read(page.url, "map.txt")).text, "10 blocks allocated");
});

test("page - of a pool that is already destroyed has no picture, and is served", async () => {
  const pool = makePool();
  pool.destroy();
  using page = await servePage(pool);
  await using events = await Events.open(page.url);
  const { state, picture, stats } = (await events.next())!;
  assertEquals([state, picture, stats], ["ended", null, null]);
  assertEquals((await read(page.url, "map.svg")).status, 404);
  assertEquals((await read(page.url)).status, 200);
});

test("page - reports that the program has closed its pool object", async () => {
  using pool = makePool();
  const joined = MemPool.attach(pool.handle);
  using page = await servePage(joined, QUICK);
  await using events = await Events.open(page.url);
  joined.close();
  const { message } = await events.until(({ state }) => state === "ended");
  assertEquals(message, "The program has left the pool; this is how it looked last");
});

/** Sends a request with this head, and returns the status line of the answer without the protocol. */
async function statusOf(url: string, head: string): Promise<string> {
  return (await ask(url, `${head}\r\n\r\n`)).split("\r\n", 1)[0]!.replace("HTTP/1.1 ", "");
}

test("page - answers only requests that name this machine by 127.0.0.1 or localhost", async () => {
  using page = await servePage(lettered("A"));
  const { port } = new URL(page.url);
  for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, "LOCALHOST", "127.0.0.1"]) {
    assertEquals(await statusOf(page.url, `GET / HTTP/1.1\r\nHost: ${host}`), "200 OK", host);
  }
  for (
    const host of ["example.org", `example.org:${port}`, "127.0.0.1.example.org", `localhost.example.org:${port}`, ""]
  ) {
    for (const file of ["/", "/events", "/map.svg", "/none"]) {
      assertEquals(await statusOf(page.url, `GET ${file} HTTP/1.1\r\nHost: ${host}`), "403 Forbidden", host);
    }
  }
  assertEquals(await statusOf(page.url, "GET / HTTP/1.0"), "403 Forbidden");
});

test("page - forbids other pages to embed or read it, and foreign scripts to run in it", async () => {
  using page = await servePage(lettered("A"));
  const answer = await ask(page.url, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const policy = /content-security-policy: (.*)\r\n/.exec(answer)![1]!;
  for (const rule of ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"]) {
    assertStringIncludes(policy, rule);
  }
  assertStringIncludes(answer, "x-content-type-options: nosniff\r\n");
  assert(!/access-control-allow/i.test(answer));
});

test("page - refuses methods other than GET, and requests that are not HTTP", async () => {
  using page = await servePage(lettered("A"));
  const host = "\r\nHost: localhost";
  assertEquals(await statusOf(page.url, `POST / HTTP/1.1${host}`), "405 Method Not Allowed");
  assertEquals(await statusOf(page.url, `DELETE /map.svg HTTP/1.1${host}`), "405 Method Not Allowed");
  for (const head of ["", "GET", `GET / HTTP/2${host}`, `GET map.svg HTTP/1.1${host}`, `get / HTTP/1.1${host}`]) {
    assertEquals(await statusOf(page.url, head), "400 Bad Request", head);
  }
  const long = `GET / HTTP/1.1${host}\r\nx: ${"y".repeat(20_000)}`;
  assertEquals(await statusOf(page.url, long), "400 Bad Request");
  assert((await ask(page.url, long)).startsWith("HTTP/1.1 400 "), "answered before the head is complete");
});

test("page - answers a request that arrives in pieces", async () => {
  using page = await servePage(lettered("A"));
  const { socket, answer } = dial(page.url);
  socket.write("GET /map.txt HT");
  await read(page.url); // after this answer, the server has read the first piece
  socket.write("TP/1.1\r\nhost:localhost\r");
  await read(page.url);
  socket.write("\n\r\n");
  assertStringIncludes(await answer, "1 block allocated");
});

/** On Deno, the permissions of the tests already restrict the address, so that the test would pass for any server. */
const addressTest = onDeno ? skip("the permissions of the tests forbid other addresses") : test;

addressTest("page - listens on 127.0.0.1 only", async () => {
  using page = await servePage(lettered("A"));
  await assertRejects(() => ask(page.url.replace("127.0.0.1", "127.0.0.2"), "GET / HTTP/1.1\r\n\r\n"), Error);
});

test("page - uses the given port, and fails if the port is in use", async () => {
  using page = await servePage(lettered("A"));
  const port = Number(new URL(page.url).port);
  await assertRejects(() => servePage(lettered("A"), { port }), Error);
  page.close();
  using again = await servePage(lettered("A"), { port });
  assertEquals(again.url, page.url);
});

test("page - close ends the server and all connections, and leaves the pool as it is", async () => {
  using pool = makePool();
  const page = await servePage(pool, QUICK);
  await using events = await Events.open(page.url);
  await events.until(() => true);
  page.close();
  page.close();
  await endOf(events);
  await assertRejects(() => fetch(page.url), Error);
  assertEquals(pool.stats().workers, 1);
});

/** Reads to the end of a stream that the server cuts. Runtimes report that as an end or as an error. */
async function endOf(events: Events): Promise<void> {
  try {
    while (await events.next() !== undefined);
  } catch (error) {
    assert(error instanceof Error, String(error));
  }
}

test("page - refuses options out of bounds", async () => {
  const pool = lettered("A");
  await assertRejects(
    () => servePage(pool, { port: 65_536 }),
    RangeError,
    "port must be a whole number from 0 to 65535",
  );
  await assertRejects(() => servePage(pool, { interval: 9 }), RangeError, "interval must be a whole number from 10");
  await assertRejects(() => servePage(pool, { cells: 0 }), RangeError, "cells must be");
  await assertRejects(() => servePage(pool, { history: 1 }), RangeError, "history must be");
});

test("page - does not keep a program running even with an open connection, and needs one address on Deno", async () => {
  const permissions = ["--allow-ffi", "--allow-net=127.0.0.1"];
  using program = new RunningProgram(new URL("./_program.ts", import.meta.url), [], permissions);
  const url = await program.line();
  await using events = await Events.open(url);
  const { stats } = await events.until(({ state }) => state === "live");
  assertEquals(stats!.allocatedBlocks, 2);
  assertEquals(await program.end(), { code: 0, stderr: "" });
  await endOf(events);
});
