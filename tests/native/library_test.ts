/** Loading the native library, over a runtime and a C library that a test plays. */

import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { MemPoolError } from "mempool";
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { loadLibrary } from "../../src/runtime/library.ts";
import { ABI } from "../../src/runtime/native.ts";
import { PREBUILT, type Prebuilt } from "../../src/runtime/prebuilt.ts";
import { skip, test } from "../support/harness.ts";
import { fakeNative, PlayedHost, PlayedLibc, withTemporary } from "../support/library_host.ts";
import { prebuiltOf } from "../support/prebuilt.ts";
import { thrownBy } from "../support/pool.ts";

const bytes = new Uint8Array(2500).map((_, index) => index % 251);
const name = "mempool-played.so";
const right = prebuiltOf(name, bytes);
const native = fakeNative(ABI);

/** Loads one for the played machine. */
function load(host: PlayedHost, library: Prebuilt = right): unknown {
  return loadLibrary(host, { "played-machine": library });
}

function hostWithLibc(): { host: PlayedHost; libc: PlayedLibc } {
  const host = new PlayedHost(native);
  const libc = host.played = new PlayedLibc();
  return { host, libc };
}

/** Expects that nothing can be loaded, for exactly this reason. */
function assertFails(host: PlayedHost, why: string, library?: Prebuilt): void {
  const error = thrownBy(() => load(host, library));
  assertInstanceOf(error, MemPoolError);
  assertEquals([error.code, error.message], ["library", `Cannot load the native library${why}`]);
}

/** Expects that both ways were tried, and that this was said. */
function assertTried(host: PlayedHost, inMemory: string, inFile: string): void {
  assertFails(host, `. Tried: from memory: ${inMemory}; from a file: ${inFile}. It needs a permission`);
}

// ---- before anything is loaded ----

test("library - for a machine that there is none for: says which there are", () => {
  const host = new PlayedHost(native);
  host.machine = "quantum";
  const error = thrownBy(() => loadLibrary(host, { "linux-x64": right, "darwin-arm64": right }));
  assertInstanceOf(error, MemPoolError);
  const why = "there is no build for played-quantum, only for linux-x64, darwin-arm64";
  assertEquals([error.code, error.message], ["library", `Cannot load the native library: ${why}`]);
});

test("library - the project's, for every machine it is for: whole, and called by what it was built from", () => {
  assert(Object.keys(PREBUILT).includes("linux-x64"));
  for (const [platform, prebuilt] of Object.entries(PREBUILT)) {
    const [host, libc] = [new PlayedHost(native), new PlayedLibc()];
    [host.system = "", host.machine = ""] = platform.split("-");
    host.played = libc;
    assertStrictEquals(loadLibrary(host), native);
    assertEquals(libc.content.length, prebuilt.bytes);
    assert(/^mempool-[0-9a-f]{12}\.(so|dylib|dll)$/.test(prebuilt.name), prebuilt.name);
  }
});

test(
  "library - no permission: that is all it says, and it leaves the files alone",
  withTemporary((temporary) => {
    const { host } = hostWithLibc();
    host.permit = () => {
      throw new Error("Requires access");
    };
    assertFails(host, ": Requires access. It needs a permission");
    assertEquals([host.loaded, temporary.entries()], [[], []]);
  }),
);

// ---- from memory ----

test("library - loaded by another thread: taken by its name", () => {
  const { host, libc } = hostWithLibc();
  libc.names.push(name);
  assertStrictEquals(load(host), native);
  assertEquals([host.loaded, libc.content], [[name], []]);
});

test(
  "library - first of all: out of a sealed file in memory, and then by its name",
  withTemporary((temporary) => {
    const { host, libc } = hostWithLibc();
    assertStrictEquals(load(host), native);
    assertEquals(host.loaded, ["/proc/self/fd/7", name]);
    assertEquals(new Uint8Array(libc.content), bytes);
    assertEquals([libc.seals, libc.closed, temporary.entries()], [0b1111, false, []]);
  }),
);

for (
  const [what, spoil, said, closed] of [
    ["no file in memory", { file: -1 }, "the system refused a file in memory", false],
    ["one that is full", { piece: 0 }, "the file in memory took 0 of 2500 bytes", true],
    ["one that cannot be sealed", { sealing: -1 }, "the file in memory cannot be sealed", true],
    ["one that may not be executed", {}, "operation not permitted", true],
  ] as const
) {
  test(
    `library - ${what}: closed again, then a file on disk`,
    withTemporary((temporary) => {
      const { host, libc } = hostWithLibc();
      Object.assign(libc, spoil);
      host.onLoad = (path) => {
        if (path.startsWith("/proc")) throw new Error("operation not permitted");
        return native;
      };
      assertStrictEquals(load(host), native);
      assertEquals([host.loaded.at(-1), libc.closed], [temporary.fileOf(right), closed]);
      writeFileSync(changed(temporary.fileOf(right)), "changed");
      assertTried(host, said, `${temporary.fileOf(right)} was modified and must be removed`);
    }),
  );
}

// ---- from a file ----

test(
  "library - no C library that it takes: from a file of this user's, which nobody else can change",
  withTemporary((temporary) => {
    const host = new PlayedHost(native);
    assertStrictEquals(load(host), native);
    const file = temporary.fileOf(right);
    assertEquals(host.loaded, [file]);
    assertEquals(new Uint8Array(readFileSync(file)), bytes);
    assertEquals(lstatSync(temporary.ours).mode & 0o777, 0o700);
    // The folder of this user's, the library's, the library: no draft is left.
    assertEquals(temporary.entries().length, 3);
  }),
);

test(
  "library - a file that is there is used again",
  withTemporary((temporary) => {
    const host = new PlayedHost(native);
    load(host);
    const { ino, mtimeMs } = lstatSync(temporary.fileOf(right));
    assertStrictEquals(load(host), native);
    const now = lstatSync(temporary.fileOf(right));
    assertEquals([now.ino, now.mtimeMs, temporary.entries().length], [ino, mtimeMs, 3]);
  }),
);

/** Lets the file be written to; its owner could do that too. */
function changed(file: string): string {
  chmodSync(file, 0o600);
  return file;
}

for (const [what, text] of [["cut short", bytes.subarray(0, 2499)], ["empty", ""], ["another", "#!/bin/sh"]] as const) {
  test(
    `library - a file that is there and is ${what}: not opened`,
    withTemporary((temporary) => {
      const host = new PlayedHost(native);
      load(host);
      writeFileSync(changed(temporary.fileOf(right)), text);
      assertTried(host, "no such C library", `${temporary.fileOf(right)} was modified and must be removed`);
      assertEquals(host.loaded.length, 1);
    }),
  );
}

test(
  "library - of the same sources by another compiler: a file beside the other",
  withTemporary((temporary) => {
    const host = new PlayedHost(native);
    load(host);
    assertStrictEquals(load(host, prebuiltOf(name, bytes.subarray(1))), native);
    assertEquals(new Set(host.loaded).size, 2);
    assertEquals(temporary.entries().length, 5);
  }),
);

test(
  "library - a file that the system does not load, and what it says",
  withTemporary(() => {
    const host = new PlayedHost(native);
    host.onLoad = () => {
      throw "no error object";
    };
    assertTried(host, "no such C library", "no error object");
  }),
);

test(
  "library - a folder for temporary files that cannot be written to",
  withTemporary((temporary) => {
    process.env["TMPDIR"] = join(temporary.path, "nowhere");
    const error = thrownBy(() => load(new PlayedHost(native)));
    assertInstanceOf(error, MemPoolError);
    assertEquals([error.code, error.message.includes("from a file: ENOENT")], ["library", true]);
  }),
);

const asRoot = withTemporary((temporary) => lstatSync(temporary.path).uid === 0)();

for (
  const [what, spoil, unlessRoot] of [
    ["that others can write to", (folder: string) => mkdirSync(folder) ?? chmodSync(folder, 0o770)],
    ["that others can read", (folder: string) => mkdirSync(folder) ?? chmodSync(folder, 0o704)],
    ["that is a link", (folder: string) => mkdirSync(`${folder}-x`, 0o700) ?? symlinkSync(`${folder}-x`, folder)],
    ["of another user", (folder: string) => mkdirSync(folder, 0o700) ?? chownSync(folder, 65534, 65534), true],
  ] as const
) {
  const folderTest = unlessRoot === true && !asRoot ? skip("only root can give files away") : test;
  folderTest(
    `library - a folder ${what}: nothing is put there, nothing is opened`,
    withTemporary((temporary) => {
      const host = new PlayedHost(native);
      const folder = temporary.ours;
      spoil(folder);
      const before = temporary.entries();
      assertTried(host, "no such C library", `${folder} is not a folder that only this user can access`);
      assertEquals([host.loaded, temporary.entries()], [[], before]);
    }),
  );
}

test(
  "library - where there are no modes, the folder for temporary files is trusted",
  withTemporary((temporary) => {
    const host = new PlayedHost(native);
    host.system = "windows";
    mkdirSync(temporary.ours);
    chmodSync(temporary.ours, 0o777);
    assertStrictEquals(loadLibrary(host, { "windows-machine": right }), native);
  }),
);

test(
  "library - its folder is there, without it",
  withTemporary((temporary) => {
    const host = new PlayedHost(native);
    load(host);
    renameSync(temporary.fileOf(right), `${temporary.fileOf(right)}.old`);
    const error = thrownBy(() => load(host));
    assertInstanceOf(error, MemPoolError);
    assertEquals([error.code, error.message.includes("from a file: ENOTEMPTY")], ["library", true]);
  }),
);

// ---- what is in the sources ----

const middle = right.deflated.length >> 1;

for (
  const [what, damage] of [
    ["one character is another", { deflated: `x${right.deflated.slice(1)}` }],
    ["it is cut short", { deflated: right.deflated.slice(0, middle) }],
    ["it is empty", { deflated: "" }],
    ["it is no base64", { deflated: "(" }],
    ["its checksum is another", { sha256: right.sha256.replace(/./, (digit) => digit === "0" ? "1" : "0") }],
    ["its length is another", { bytes: 2501 }],
  ] as const
) {
  test(
    `library - damaged in the sources, ${what}: not loaded, in neither way`,
    withTemporary((temporary) => {
      const why = ": its copy in this module's sources is damaged (its checksum is wrong)";
      const { host } = hostWithLibc();
      for (const each of [host, new PlayedHost(native)]) {
        assertFails(each, why, { ...right, ...damage });
        assertEquals(each.loaded, []);
      }
      assertEquals(readdirSync(temporary.ours), []);
    }),
  );
}

test(
  "library - of another version",
  withTemporary(() => {
    const { host } = hostWithLibc();
    const why = `: its copy in this module's sources has version ${ABI + 1}, but this module needs version ${ABI}`;
    for (const each of [host, new PlayedHost(native)]) {
      each.onLoad = () => fakeNative(ABI + 1);
      assertFails(each, why);
    }
  }),
);
