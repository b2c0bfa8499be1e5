/** The loader of the native library, with a fake runtime and a fake C library. */

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
import { FakeHost, FakeLibc, fakeNative, withTemporary } from "../support/library_host.ts";
import { prebuiltOf } from "../support/prebuilt.ts";
import { thrownBy } from "../support/pool.ts";

const bytes = new Uint8Array(2500).map((_, index) => index % 251);
const name = "mempool-fake.so";
const right = prebuiltOf(name, bytes);
const native = fakeNative(ABI);

/** Loads a library for the fake machine. */
function load(host: FakeHost, library: Prebuilt = right): unknown {
  return loadLibrary(host, { "fakeos-machine": library });
}

function hostWithLibc(): { host: FakeHost; libc: FakeLibc } {
  const host = new FakeHost(native);
  const libc = host.fakeLibc = new FakeLibc();
  return { host, libc };
}

/** Expects that loading fails with exactly this reason. */
function assertFails(host: FakeHost, why: string, library?: Prebuilt): void {
  const error = thrownBy(() => load(host, library));
  assertInstanceOf(error, MemPoolError);
  assertEquals([error.code, error.message], ["library", `Cannot load the native library${why}`]);
}

/** Expects that loading fails after both ways were tried, each with this reason. */
function assertTried(host: FakeHost, inMemory: string, inFile: string): void {
  assertFails(host, `. Tried: from memory: ${inMemory}; from a file: ${inFile}. It needs a permission`);
}

// ---- before anything is loaded ----

test("library - names the supported platforms on another one", () => {
  const host = new FakeHost(native);
  host.machine = "quantum";
  const error = thrownBy(() => loadLibrary(host, { "linux-x64": right, "darwin-arm64": right }));
  assertInstanceOf(error, MemPoolError);
  const why = "there is no build for fakeos-quantum, only for linux-x64, darwin-arm64";
  assertEquals([error.code, error.message], ["library", `Cannot load the native library: ${why}`]);
});

test("library - the shipped file of every platform is complete and has its key in its name", () => {
  assert(Object.keys(PREBUILT).includes("linux-x64"));
  for (const [platform, prebuilt] of Object.entries(PREBUILT)) {
    const [host, libc] = [new FakeHost(native), new FakeLibc()];
    [host.system = "", host.machine = ""] = platform.split("-");
    host.fakeLibc = libc;
    assertStrictEquals(loadLibrary(host), native);
    assertEquals(libc.content.length, prebuilt.bytes);
    assert(/^mempool-[0-9a-f]{12}\.(so|dylib|dll)$/.test(prebuilt.name), prebuilt.name);
  }
});

test(
  "library - without permission, reports only that and touches no file",
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

test("library - is found by its name if another thread has loaded it", () => {
  const { host, libc } = hostWithLibc();
  libc.names.push(name);
  assertStrictEquals(load(host), native);
  assertEquals([host.loaded, libc.content], [[name], []]);
});

test(
  "library - is loaded from a sealed file in memory, and then found by its name",
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
    ["does not exist", { file: -1, errno: 24 }, "the system refused a file in memory (EMFILE)", false],
    ["is full", { piece: 0 }, "the file in memory took 0 of 2500 bytes (ENOSPC)", true],
    ["cannot be sealed", { sealing: -1, errno: 4000 }, "the file in memory cannot be sealed (errno 4000)", true],
    ["may not be executed", {}, "operation not permitted", true],
  ] as const
) {
  test(
    `library - is loaded from disk if the file in memory ${what}`,
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
  "library - is loaded from a file that only this user can change if there is no suitable C library",
  withTemporary((temporary) => {
    const host = new FakeHost(native);
    assertStrictEquals(load(host), native);
    const file = temporary.fileOf(right);
    assertEquals(host.loaded, [file]);
    assertEquals(new Uint8Array(readFileSync(file)), bytes);
    assertEquals(lstatSync(temporary.ours).mode & 0o777, 0o700);
    // The entries are the folder of the user, the folder of the library, and the library. No draft is left.
    assertEquals(temporary.entries().length, 3);
  }),
);

test(
  "library - reuses an existing file",
  withTemporary((temporary) => {
    const host = new FakeHost(native);
    load(host);
    const { ino, mtimeMs } = lstatSync(temporary.fileOf(right));
    assertStrictEquals(load(host), native);
    const now = lstatSync(temporary.fileOf(right));
    assertEquals([now.ino, now.mtimeMs, temporary.entries().length], [ino, mtimeMs, 3]);
  }),
);

/** Makes the file writable, as its owner could, and returns its path. */
function changed(file: string): string {
  chmodSync(file, 0o600);
  return file;
}

for (
  const [what, text] of [["truncated", bytes.subarray(0, 2499)], ["empty", ""], ["a script", "#!/bin/sh"]] as const
) {
  test(
    `library - does not open an existing file that is ${what}`,
    withTemporary((temporary) => {
      const host = new FakeHost(native);
      load(host);
      writeFileSync(changed(temporary.fileOf(right)), text);
      assertTried(host, "no such C library", `${temporary.fileOf(right)} was modified and must be removed`);
      assertEquals(host.loaded.length, 1);
    }),
  );
}

test(
  "library - keeps builds of the same sources by two compilers in two files",
  withTemporary((temporary) => {
    const host = new FakeHost(native);
    load(host);
    assertStrictEquals(load(host, prebuiltOf(name, bytes.subarray(1))), native);
    assertEquals(new Set(host.loaded).size, 2);
    assertEquals(temporary.entries().length, 5);
  }),
);

test(
  "library - passes on the system's reason if it does not load the file",
  withTemporary(() => {
    const host = new FakeHost(native);
    host.onLoad = () => {
      throw "no error object";
    };
    assertTried(host, "no such C library", "no error object");
  }),
);

test(
  "library - reports a folder for temporary files that is missing",
  withTemporary((temporary) => {
    process.env["TMPDIR"] = join(temporary.path, "nowhere");
    const error = thrownBy(() => load(new FakeHost(native)));
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
  const folderTest = unlessRoot === true && !asRoot ? skip("only root can change the owner of a file") : test;
  folderTest(
    `library - neither writes to nor loads from a folder ${what}`,
    withTemporary((temporary) => {
      const host = new FakeHost(native);
      const folder = temporary.ours;
      spoil(folder);
      const before = temporary.entries();
      assertTried(host, "no such C library", `${folder} is not a folder that only this user can access`);
      assertEquals([host.loaded, temporary.entries()], [[], before]);
    }),
  );
}

test(
  "library - trusts the folder for temporary files on systems without file modes",
  withTemporary((temporary) => {
    const host = new FakeHost(native);
    host.system = "windows";
    mkdirSync(temporary.ours);
    chmodSync(temporary.ours, 0o777);
    assertStrictEquals(loadLibrary(host, { "windows-machine": right }), native);
  }),
);

test(
  "library - reports a folder of its own that lacks the library",
  withTemporary((temporary) => {
    const host = new FakeHost(native);
    load(host);
    renameSync(temporary.fileOf(right), `${temporary.fileOf(right)}.old`);
    const error = thrownBy(() => load(host));
    assertInstanceOf(error, MemPoolError);
    assertEquals([error.code, error.message.includes("from a file: ENOTEMPTY")], ["library", true]);
  }),
);

// ---- the library in src/runtime/prebuilt.ts ----

const middle = right.deflated.length >> 1;

for (
  const [what, damage] of [
    ["one character differs", { deflated: `x${right.deflated.slice(1)}` }],
    ["it is truncated", { deflated: right.deflated.slice(0, middle) }],
    ["it is empty", { deflated: "" }],
    ["it is not base64", { deflated: "(" }],
    ["its checksum differs", { sha256: right.sha256.replace(/./, (digit) => digit === "0" ? "1" : "0") }],
    ["its length differs", { bytes: 2501 }],
  ] as const
) {
  test(
    `library - is not loaded in either way if the text in the sources is damaged: ${what}`,
    withTemporary((temporary) => {
      const why = ": its copy in this module's sources is damaged (its checksum is wrong)";
      const { host } = hostWithLibc();
      for (const each of [host, new FakeHost(native)]) {
        assertFails(each, why, { ...right, ...damage });
        assertEquals(each.loaded, []);
      }
      assertEquals(readdirSync(temporary.ours), []);
    }),
  );
}

test(
  "library - is refused if its version differs",
  withTemporary(() => {
    const { host } = hostWithLibc();
    const why = `: its copy in this module's sources has version ${ABI + 1}, but this module needs version ${ABI}`;
    for (const each of [host, new FakeHost(native)]) {
      each.onLoad = () => fakeNative(ABI + 1);
      assertFails(each, why);
    }
  }),
);
