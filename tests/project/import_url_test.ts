/**
 * Imports of the module from a URL, as from a registry or a repository, with an empty cache and no compiler on the
 * PATH.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { filesIn, onDeno, root } from "../../scripts/_project.ts";
import { skip, test } from "../support/harness.ts";
import { TemporaryFolder } from "../support/library_host.ts";
import { INSPECTOR, SEEN } from "../support/package.ts";
import { libraryHere } from "../support/prebuilt.ts";

/** Serves the files of this checkout, and records which were requested. */
class Site implements AsyncDisposable {
  readonly requested: string[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    server.on("request", (request, response) => {
      const path = (request.url ?? "").slice(1);
      this.requested.push(path);
      // Hosts of repositories send every file with this type.
      response.setHeader("content-type", "text/plain; charset=utf-8");
      response.end(readFileSync(join(root, path)));
    });
  }

  static async open(): Promise<Site> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new Site(server);
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get url(): string {
    return `http://${this.host}/mod.ts`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** The files of a program, by name, for the site that they import from. */
type Program = (site: Site) => Readonly<Record<string, string>>;

/** Makes a pool, and a worker that allocates in it. */
const withWorker: Program = ({ url }) => ({
  "main.ts": `
    import { MemPool } from "${url}";
    using pool = MemPool.init(1 << 20, 64);
    const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.postMessage(pool.handle);
    const block = pool.at(await promise);
    worker.terminate();
    if (block === null) throw new Error("no block");
    console.log(block.byteLength, new Uint8Array(block)[0], pool.stats().workers);
  `,
  "worker.ts": `
    import { MemPool, type MemPoolHandle } from "${url}";
    self.onmessage = ({ data }: MessageEvent<MemPoolHandle>) => {
      const pool = MemPool.attach(data);
      const offset = pool.allocOffset(64);
      new Uint8Array(pool.at(offset)!)[0] = 42;
      self.postMessage(offset);
    };
  `,
});

/** Draws a pool, and serves its page. */
const withMaps: Program = ({ host }) => {
  const text = readFileSync(join(root, "tests", "project", INSPECTOR), "utf8");
  const imports = {
    '"mempool"': `"http://${host}/mod.ts"`,
    '"mempool/inspect"': `"http://${host}/src/inspect/mod.ts"`,
  };
  return { "main.ts": text.replaceAll(/"mempool[^"]*"/g, (name) => imports[name as keyof typeof imports]) };
};

/** Runs a program in a folder that contains nothing else, with no cache, no variables, and nothing on the PATH. */
async function runAlone(
  site: Site,
  program: Program,
  permissions: readonly string[],
): Promise<{ stdout: string; stderr: string }> {
  // The folder lies outside of the project, so that Deno does not find the configuration of the project.
  using temporary = new TemporaryFolder(tmpdir());
  const place = (name: string): string => join(temporary.path, name);
  const [work, empty] = [place("work"), place("empty")];
  for (const folder of [work, empty]) mkdirSync(folder);
  const files = program(site);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(work, name), text);
  const env = { PATH: empty, DENO_DIR: place("cache"), NO_COLOR: "1" };
  const result = await start(["run", "--quiet", "--no-prompt", ...permissions, "main.ts"], work, env);
  assertEquals([readdirSync(work).sort(), readdirSync(empty)], [Object.keys(files).sort(), []]);
  return result;
}

function start(args: readonly string[], cwd: string, env: Record<string, string>) {
  return new Promise<{ stdout: string; stderr: string }>((resolve, reject) => {
    execFile(process.execPath, args, { cwd, env, timeout: 60_000 }, (error, stdout, stderr) => {
      if (error?.killed === true || typeof error?.signal === "string") reject(error);
      else resolve({ stdout, stderr });
    });
  });
}

const urlTest = !onDeno
  ? skip("Bun cannot import from a URL")
  : process.platform === "linux" && libraryHere !== undefined
  ? test
  : skip("needs Linux");

urlTest(
  "import from a URL - needs permission to import and to call native code, and requests its own files only",
  async () => {
    await using site = await Site.open();
    // The read permission is for the worker, which is a file of the program.
    const permissions = [`--allow-import=${site.host}`, "--allow-ffi", "--allow-read=worker.ts"];
    assertEquals(await runAlone(site, withWorker, permissions), { stdout: "64 42 2\n", stderr: "" });
    // A program that does not draw pools does not load the code that draws them.
    const files = filesIn("src", ".ts").filter((file) => !file.startsWith("src/inspect/") && hasValues(file));
    assertEquals(site.requested.sort(), ["mod.ts", ...files]);
  },
);

/** A file that only exports types is not loaded when a program runs. */
function hasValues(file: string): boolean {
  return /^export (?!type |interface )/m.test(readFileSync(join(root, file), "utf8"));
}

urlTest("import from a URL - type-checks, and requests its own files only", async () => {
  await using site = await Site.open();
  const permissions = ["--check", `--allow-import=${site.host}`, "--allow-ffi", "--allow-read=worker.ts"];
  assertEquals(await runAlone(site, withWorker, permissions), { stdout: "64 42 2\n", stderr: "" });
  assert(site.requested.every((path) => path === "mod.ts" || path.startsWith("src/")), site.requested.join(" "));
});

urlTest("import from a URL - src/inspect type-checks and runs without a package or an import map", async () => {
  await using site = await Site.open();
  const permissions = ["--check", `--allow-import=${site.host}`, "--allow-ffi", "--allow-net=127.0.0.1"];
  assertEquals(await runAlone(site, withMaps, permissions), { stdout: SEEN, stderr: "" });
  assert(site.requested.every((path) => path === "mod.ts" || path.startsWith("src/")), site.requested.join(" "));
});

urlTest("import from a URL - without a permission, the error names the permission", async () => {
  await using site = await Site.open();
  const [import_, ffi] = [`--allow-import=${site.host}`, "--allow-ffi"];
  const { stderr: noImport } = await runAlone(site, withWorker, [ffi]);
  assertMatch(noImport, /Requires import access to "127\.0\.0\.1:\d+", run again with the --allow-import flag/);
  const { stderr: noFfi } = await runAlone(site, withWorker, [import_]);
  assertMatch(
    noFfi,
    /MemPoolError: Cannot load the native library: Requires ffi access, run again with the --allow-ffi/,
  );
});
