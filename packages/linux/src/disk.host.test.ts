import { spawnSync } from "node:child_process";
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { poll } from "@sandbank/core/deadline";
import { abandonExt4 } from "./ext4.ts";
import { asFileOwner } from "./file-owner.ts";
import { mountIdmapped } from "./idmap.ts";
import { attachLoop } from "./loop.ts";
import { mount, mountPointsUnder, unmount } from "./mount.ts";
import { findProgram } from "./program.ts";
import { copySparse } from "./sparse-copy.ts";
import { openUserNamespace } from "./user-namespace.ts";

/** Absolute path of a program that these tests need. */
function program(name: string): string {
  const path = findProgram(name);
  if (path === undefined) throw new Error(`${name} is not installed`);
  return path;
}

const mib = 1024 * 1024;
let directory = "";
beforeEach(() => {
  directory = mkdtempSync("/tmp/sandbank-disk-");
});
afterEach(() => {
  for (const point of mountPointsUnder(directory)) unmount(point);
  rmSync(directory, { recursive: true });
});

function sparseFile(path: string, sizeBytes: number, pieces: [number, string][]): void {
  const fd = openSync(path, "w");
  ftruncateSync(fd, sizeBytes);
  for (const [at, text] of pieces) writeSync(fd, text, at);
  closeSync(fd);
}

function formattedImage(path: string): void {
  sparseFile(path, 64 * mib, []);
  const { status } = spawnSync(program("mkfs.ext4"), [
    "-q",
    "-b",
    "4096",
    "-O",
    "^has_journal",
    "-m",
    "0",
    path,
  ]);
  expect(status).toBe(0);
}

test.each([
  [
    "data between holes",
    300 * mib,
    [
      [0, "begin"],
      [100 * mib + 5, "middle"],
      [300 * mib - 3, "end"],
    ],
  ],
  ["nothing but a hole", 10 * mib, []],
  ["an empty file", 0, []],
] as [string, number, [number, string][]][])("copies %s and keeps it sparse", (_, size, pieces) => {
  sparseFile(`${directory}/a`, size, pieces);
  copySparse(`${directory}/a`, `${directory}/b`);
  expect(statSync(`${directory}/b`).size).toBe(size);
  expect(statSync(`${directory}/b`).blocks * 512).toBeLessThan(mib);
  expect(readFileSync(`${directory}/a`).equals(readFileSync(`${directory}/b`))).toBe(true);
  expect(() => copySparse(`${directory}/a`, `${directory}/b`)).toThrow("EEXIST");
});

const backingFile = (device: string): string => {
  const { stdout } = spawnSync(program("losetup"), ["-n", "-O", "BACK-FILE", device], { encoding: "utf8" });
  return stdout.trim();
};

test("a loop device is detached with its last user", async () => {
  const image = `${directory}/image`;
  formattedImage(image);
  const loop = attachLoop(image);
  expect(backingFile(loop.path)).toBe(image);
  mkdirSync(`${directory}/mnt`);
  mount({ source: loop.path, target: `${directory}/mnt`, type: "ext4" });
  loop.close();
  expect(backingFile(loop.path)).toBe(image);
  unmount(`${directory}/mnt`);
  const detached = await poll(() => backingFile(loop.path) !== image || undefined, { timeoutMs: 10_000 });
  expect(detached).toBe(true);
});

test("an abandoned file system is unmounted at once, whatever is dirty", () => {
  const image = `${directory}/image`;
  formattedImage(image);
  const loop = attachLoop(image);
  mkdirSync(`${directory}/mnt`);
  mount({ source: loop.path, target: `${directory}/mnt`, type: "ext4" });
  loop.close();
  writeFileSync(`${directory}/mnt/big`, Buffer.alloc(40 * mib, 1));
  abandonExt4(`${directory}/mnt`);
  expect(() => writeFileSync(`${directory}/mnt/more`, "x")).toThrow("EIO");
  expect(unmount(`${directory}/mnt`)).toBe(true);
});

test("an idmapped view shows mapped owners and writes unmapped ones", async () => {
  const [source, view] = [`${directory}/source`, `${directory}/view`];
  mkdirSync(source);
  mkdirSync(view);
  writeFileSync(`${source}/file`, "x");
  const first = 1_900_000_000;
  const userNamespaceFd = await openUserNamespace({ first, count: 1000 });
  mountIdmapped({ source, target: view, userNamespaceFd });
  closeSync(userNamespaceFd);
  expect(statSync(`${view}/file`).uid).toBe(first);
  // The host's root is nobody in there.
  expect(() => writeFileSync(`${view}/refused`, "")).toThrow("EOVERFLOW");
  asFileOwner(first, () => writeFileSync(`${view}/made`, ""));
  expect(statSync(`${view}/made`).uid).toBe(first);
  expect(statSync(`${source}/made`).uid).toBe(0);
  writeFileSync(`${source}/by-root-again`, "");
  expect(statSync(`${source}/by-root-again`).uid).toBe(0);
});
