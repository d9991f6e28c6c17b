import {
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openInRoot, pathOfDescriptor } from "./open-in-root.ts";
import { removeTree } from "./remove-tree.ts";

let directory = "";
let rootFd = -1;
beforeEach(() => {
  directory = mkdtempSync(`${tmpdir()}/in-root-`);
  mkdirSync(`${directory}/root/sub`, { recursive: true });
  writeFileSync(`${directory}/secret`, "outside");
  writeFileSync(`${directory}/root/secret`, "inside");
  rootFd = openSync(`${directory}/root`, constants.O_DIRECTORY);
});
afterEach(() => {
  closeSync(rootFd);
  rmSync(directory, { recursive: true });
});

function read(path: string): string {
  const fd = openInRoot(rootFd, path, constants.O_RDONLY);
  try {
    return readFileSync(fd, "utf8");
  } finally {
    closeSync(fd);
  }
}

test("no link and no .. leads out of the root", () => {
  for (const [name, target] of [
    ["absolute", "/secret"],
    ["up", "../../../../secret"],
    ["sub/over", "../../secret"],
    ["host", `${directory}/secret`],
  ] as const) {
    symlinkSync(target, `${directory}/root/${name}`);
  }
  for (const path of ["absolute", "up", "sub/over", "/secret", "../secret", "sub/../../../secret"]) {
    expect([path, read(path)]).toEqual([path, "inside"]);
  }
  expect(() => read("host")).toThrow("ENOENT");
  expect(() => read("bad\0name")).toThrow("NUL");
});

test("a tree is removed with its links, and not what they lead to", async () => {
  const tree = `${directory}/root/tree`;
  mkdirSync(`${tree}/deep/er`, { recursive: true });
  writeFileSync(`${tree}/deep/file`, "x");
  symlinkSync(directory, `${tree}/deep/out`);
  symlinkSync(`${directory}/root/sub`, `${directory}/root/link`);
  for (const name of ["link", "tree", "secret", "sub"]) await removeTree(rootFd, name);
  expect(readdirSync(pathOfDescriptor(rootFd))).toEqual([]);
  expect(readdirSync(directory).toSorted()).toEqual(["root", "secret"]);
  await expect(removeTree(rootFd, "tree")).rejects.toThrow("ENOENT");
});
