import { mkdirSync, mkdtempSync, rmSync, writeFileSync, existsSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { escapeOverlayPath, mount, mountFlags, mountPointsUnder, unmount } from "./mount.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync("/tmp/sandbank-mount-");
});
afterEach(() => {
  for (const point of mountPointsUnder(directory)) unmount(point);
  rmSync(directory, { recursive: true });
});

test("mounts, lists deepest first, unmounts", () => {
  const outer = `${directory}/with blank\\and:more`;
  mkdirSync(outer);
  mount({ source: "none", target: outer, type: "tmpfs", data: "size=1m" });
  const inner = `${outer}/inner`;
  mkdirSync(inner);
  mount({ source: "none", target: inner, type: "tmpfs", flags: mountFlags.readonly });
  expect(mountPointsUnder(directory)).toEqual([inner, outer]);
  expect(mountPointsUnder(outer)).toEqual([inner, outer]);
  expect(() => writeFileSync(`${inner}/x`, "")).toThrow("EROFS");
  expect(unmount(inner)).toBe(true);
  expect(unmount(inner)).toBe(false);
  expect(unmount(outer)).toBe(true);
  expect(existsSync(inner)).toBe(false);
  expect(unmount(`${directory}/nothing`)).toBe(false);
});

test("says which call failed and why", () => {
  const attempt = (): void => mount({ source: "none", target: `${directory}/nowhere`, type: "tmpfs" });
  expect(attempt).toThrow(expect.objectContaining({ code: "ENOENT", syscall: "mount" }));
  expect(() => mount({ source: "none", target: directory, type: "nosuchfs" })).toThrow("ENODEV");
});

test("overlay takes paths with its own special characters", () => {
  const parts = ["lower,a:b", "upper\\c", "work", "merged"].map((name) => `${directory}/${name}`);
  for (const part of parts) mkdirSync(part);
  const [lower, upper, work, merged = ""] = parts;
  writeFileSync(`${lower}/file`, "seen");
  const [escapedLower, escapedUpper] = [lower, upper].map((path) => escapeOverlayPath(path ?? ""));
  mount({
    source: "overlay",
    target: merged,
    type: "overlay",
    data: `lowerdir=${escapedLower},upperdir=${escapedUpper},workdir=${work}`,
  });
  expect(existsSync(`${merged}/file`)).toBe(true);
});
