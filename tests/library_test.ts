/** Finding, building and loading the native library, over a machine that a test plays. */

import { assert, assertEquals, assertFalse, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { MemPoolError } from "mempool";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { loadLibrary } from "../src/ffi/library.ts";
import { ABI, type BuildResult, type Host, type Native } from "../src/ffi/native.ts";
import { test } from "./_harness.ts";
import { thrownBy } from "./_pool.ts";

const PERMISSIONS = "Deno needs --allow-ffi (without a path) to load it, and for building it once --allow-read, " +
  "--allow-write and --allow-run";

let machines = 0;

/** A library with no function that works: the search looks at its version only. */
function fakeNative(abi: number): Native {
  const unused = (): never => {
    throw new Error("not a real library");
  };
  return {
    abi,
    process: 1,
    maxBufferBytes: 1,
    thread: unused,
    alive: unused,
    create: unused,
    open: unused,
    barrier: unused,
    region: unused,
  };
}

/** A machine on which nothing is there yet, for which `load` and `run` are played. */
class PlayedHost implements Host {
  readonly system = "played";
  readonly machine = `machine${machines++}`;
  readonly path = fileURLToPath(
    new URL(`../native/build/mempool-${ABI}-${this.system}-${this.machine}.so`, import.meta.url).href,
  );
  readonly loaded: string[] = [];
  readonly ran: string[] = [];
  onLoad: () => Native = () => {
    throw new Error("cannot open shared object file");
  };
  onRun: (program: string, draft: string) => BuildResult | undefined = () => undefined;

  load(path: string): Native {
    this.loaded.push(path);
    return this.onLoad();
  }

  run(program: string, args: string[]): BuildResult | undefined {
    this.ran.push(program);
    return this.onRun(program, args[args.indexOf("-o") + 1]!);
  }

  putFile(): void {
    mkdirSync(dirname(this.path), { recursive: true });
    writeFileSync(this.path, "");
  }
}

/** Runs a test on a machine of its own and removes what it built. */
function onMachine(use: (host: PlayedHost) => void): () => void {
  return () => {
    const host = new PlayedHost();
    try {
      use(host);
    } finally {
      rmSync(host.path, { force: true });
    }
  };
}

/** Expects the search to fail with this list of what it tried. */
function assertNotFound(host: Host, tried: string): void {
  const error = thrownBy(() => loadLibrary(host));
  assertInstanceOf(error, MemPoolError);
  assertEquals(
    { code: error.code, message: error.message },
    { code: "library", message: `Cannot load the native library. Tried: ${tried}. ${PERMISSIONS}` },
  );
}

test(
  "library - one that is there is loaded, nothing is built",
  onMachine((host) => {
    const native = fakeNative(ABI);
    host.onLoad = () => native;
    assertStrictEquals(loadLibrary(host), native);
    assertEquals([host.loaded, host.ran], [[host.path], []]);
  }),
);

test(
  "library - not there, and no compiler either",
  onMachine((host) => {
    const none = ["cc", "gcc", "clang"].map((compiler) => `${compiler}: no such program`);
    assertNotFound(host, `${host.path}: cannot open shared object file; ${none.join("; ")}`);
    assertEquals(host.ran, ["cc", "gcc", "clang"]);
  }),
);

test(
  "library - built by the first compiler there is, and loaded",
  onMachine((host) => {
    const native = fakeNative(ABI);
    host.onLoad = () => {
      if (!existsSync(host.path)) throw new Error("cannot open shared object file");
      return native;
    };
    host.onRun = (program, draft) => {
      if (program === "cc") return undefined;
      writeFileSync(draft, "built");
      return { success: true, output: "" };
    };
    assertStrictEquals(loadLibrary(host), native);
    assertEquals([host.ran, host.loaded], [["cc", "gcc"], [host.path, host.path]]);
    assert(existsSync(host.path));
    assertFalse(readdirSync(dirname(host.path)).some((name) => name.startsWith(`${host.path}.`)), "a draft is left");
  }),
);

test(
  "library - every compiler fails: what they said is in the message",
  onMachine((host) => {
    host.onRun = (program) => ({ success: false, output: `\n${program}: out of luck\n` });
    const said = ["cc", "gcc", "clang"].map((compiler) => `${compiler}: ${compiler}: out of luck`);
    assertNotFound(host, `${host.path}: cannot open shared object file; ${said.join("; ")}`);
  }),
);

test(
  "library - a compiler that may not be run",
  onMachine((host) => {
    host.onRun = () => {
      throw new Error("Requires run access");
    };
    assertNotFound(host, `${host.path}: cannot open shared object file; building it: Requires run access`);
  }),
);

test(
  "library - a file that is there and does not load is left alone",
  onMachine((host) => {
    host.putFile();
    host.onLoad = () => {
      throw new Error("invalid ELF header");
    };
    assertNotFound(host, `${host.path}: invalid ELF header`);
    assertEquals(host.ran, []);
    assert(existsSync(host.path));
  }),
);

test(
  "library - what was built does not load",
  onMachine((host) => {
    host.onRun = (_program, draft) => {
      writeFileSync(draft, "built");
      return { success: true, output: "" };
    };
    host.onLoad = () => {
      throw "no error object";
    };
    assertNotFound(host, `${host.path}: no error object; ${host.path}: no error object`);
  }),
);

test(
  "library - of another version",
  onMachine((host) => {
    host.onLoad = () => fakeNative(ABI + 1);
    const why = `it is of version ${ABI + 1}, this code needs ${ABI}; remove it to have it built again`;
    assertNotFound(host, `${host.path}: ${why}`);
  }),
);

test(
  "library - another worker builds it at the same moment: its file stays, ours goes",
  onMachine((host) => {
    host.onLoad = () => {
      if (!existsSync(host.path)) throw new Error("not yet");
      return fakeNative(ABI);
    };
    let draftOfOurs = "";
    host.onRun = (_program, draft) => {
      draftOfOurs = draft;
      writeFileSync(draft, "ours");
      host.putFile();
      return { success: true, output: "" };
    };
    assertEquals(loadLibrary(host).abi, ABI);
    assertFalse(existsSync(draftOfOurs));
  }),
);
