/** Finding, building and loading the native library, over a machine that a test plays. */

import { assert, assertEquals, assertFalse, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { MemPoolError } from "mempool";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { root } from "../scripts/_project.ts";
import { libraryPath, loadLibrary } from "../src/ffi/library.ts";
import { ABI, type BuildResult, type Host, type Native } from "../src/ffi/native.ts";
import { test } from "./_harness.ts";
import { thrownBy } from "./_pool.ts";

const PERMISSIONS =
  "Deno needs --allow-ffi (without a path) and --allow-read to load it, and for building it once also " +
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
  readonly path = libraryPath(this, join(root, "native"));
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

  /** Puts a file where the library belongs, with its checksum. */
  putFile(text = "a library"): void {
    mkdirSync(dirname(this.path), { recursive: true });
    writeFileSync(this.path, text);
    const sum = createHash("sha256").update(text).digest("hex");
    writeFileSync(`${this.path}.sha256`, `${sum}  ${basename(this.path)}\n`);
  }

  /** What is in the library's folder besides the library and its checksum: drafts that were left. */
  drafts(): string[] {
    const names = readdirSync(dirname(this.path)).filter((name) => name.startsWith(basename(this.path)));
    return names.filter((name) => name !== basename(this.path) && name !== `${basename(this.path)}.sha256`);
  }
}

/** Runs a test on a machine of its own and removes what it built. */
function onMachine(use: (host: PlayedHost) => void): () => void {
  return () => {
    const host = new PlayedHost();
    try {
      use(host);
    } finally {
      for (const path of [host.path, `${host.path}.sha256`]) rmSync(path, { force: true });
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
    host.putFile();
    host.onLoad = () => native;
    assertStrictEquals(loadLibrary(host), native);
    assertEquals([host.loaded, host.ran], [[host.path], []]);
  }),
);

test(
  "library - not there, and no compiler either",
  onMachine((host) => {
    const none = ["cc", "gcc", "clang"].map((compiler) => `${compiler}: no such program`);
    assertNotFound(host, `${host.path}: not there; ${none.join("; ")}`);
    assertEquals([host.ran, host.loaded], [["cc", "gcc", "clang"], []]);
  }),
);

test(
  "library - built by the first compiler there is, and loaded",
  onMachine((host) => {
    const native = fakeNative(ABI);
    host.onLoad = () => native;
    host.onRun = (program, draft) => {
      if (program === "cc") return undefined;
      writeFileSync(draft, "built");
      return { success: true, output: "" };
    };
    assertStrictEquals(loadLibrary(host), native);
    assertEquals([host.ran, host.loaded], [["cc", "gcc"], [host.path]]);
    assertEquals([readFileSync(host.path, "utf8"), host.drafts()], ["built", []]);
    assertStrictEquals(loadLibrary(host), native);
    assertEquals(host.ran, ["cc", "gcc"]);
  }),
);

test(
  "library - every compiler fails: what they said is in the message",
  onMachine((host) => {
    host.onRun = (program) => ({ success: false, output: `\n${program}: out of luck\n` });
    const said = ["cc", "gcc", "clang"].map((compiler) => `${compiler}: ${compiler}: out of luck`);
    assertNotFound(host, `${host.path}: not there; ${said.join("; ")}`);
  }),
);

test(
  "library - a compiler that may not be run",
  onMachine((host) => {
    host.onRun = () => {
      throw new Error("Requires run access");
    };
    assertNotFound(host, `${host.path}: not there; ${host.path}: Requires run access`);
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
    assertNotFound(host, `${host.path}: not there; ${host.path}: no error object`);
  }),
);

test(
  "library - of another version",
  onMachine((host) => {
    host.putFile();
    host.onLoad = () => fakeNative(ABI + 1);
    const why = `it is of version ${ABI + 1}, this code needs ${ABI}; remove it to have it built again`;
    assertNotFound(host, `${host.path}: ${why}`);
  }),
);

test(
  "library - another worker builds it at the same moment: its file stays, ours goes",
  onMachine((host) => {
    host.onLoad = () => fakeNative(ABI);
    let draftOfOurs = "";
    host.onRun = (_program, draft) => {
      draftOfOurs = draft;
      writeFileSync(draft, "ours");
      host.putFile("theirs");
      return { success: true, output: "" };
    };
    assertEquals(loadLibrary(host).abi, ABI);
    assertFalse(existsSync(draftOfOurs));
    assertEquals([readFileSync(host.path, "utf8"), host.drafts()], ["theirs", []]);
    // Noted before the name is taken: else whoever comes in between finds a library without a checksum.
    assertEquals(readFileSync(`${host.path}.sha256`, "utf8").trim().split("\n").length, 2);
  }),
);

test(
  "library - one that is not as it was built is not opened",
  onMachine((host) => {
    host.putFile();
    writeFileSync(host.path, "a librar");
    const why = "it is not as it was built, its checksum is another; remove it to have it built again";
    assertNotFound(host, `${host.path}: ${why}`);
    assertEquals([host.loaded, host.ran], [[], []]);
  }),
);

test(
  "library - one without a checksum is not opened",
  onMachine((host) => {
    host.putFile();
    rmSync(`${host.path}.sha256`);
    const why = `there is no ${basename(host.path)}.sha256 to verify it by; remove it to have it built again`;
    assertNotFound(host, `${host.path}: ${why}`);
    assertEquals([host.loaded, host.ran], [[], []]);
  }),
);
