import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { hasCode } from "./libc.ts";
import { makeDiskFile, mountDiskFile, unmountDiskFile } from "./disk-file.ts";
import { mountPointsUnder, unmount } from "./mount.ts";

const mib = 1024 * 1024;
let directory = "";
beforeEach(() => {
  directory = mkdtempSync("/tmp/sandbank-disk-file-");
});
afterEach(() => {
  for (const point of mountPointsUnder(directory)) unmount(point);
  rmSync(directory, { recursive: true });
});

const allocatedBytes = (path: string): number => statSync(path).blocks * 512;

const loopsOf = (path: string): number =>
  readdirSync("/sys/block").filter((name) => {
    try {
      return readFileSync(`/sys/block/${name}/loop/backing_file`, "utf8").trim() === path;
    } catch (error) {
      // Other programs' devices come and go.
      if (hasCode(error, "ENOENT", "ENXIO", "ENODEV")) return false;
      throw error;
    }
  }).length;

test("keeps what was written, takes no more room than that, and gives back what is freed", async () => {
  const [file, target] = [`${directory}/disk`, `${directory}/mnt`];
  await makeDiskFile(file, 1024);
  expect(allocatedBytes(file)).toBeLessThan(4 * mib);
  mountDiskFile(file, target);
  writeFileSync(`${target}/big`, Buffer.alloc(40 * mib, 1), { flush: true });
  writeFileSync(`${target}/small`, "kept");
  await unmountDiskFile(target);
  expect(loopsOf(file)).toBe(0);
  expect(allocatedBytes(file)).toBeGreaterThan(40 * mib);
  mountDiskFile(file, target);
  expect(readFileSync(`${target}/small`, "utf8")).toBe("kept");
  rmSync(`${target}/big`);
  await unmountDiskFile(target);
  expect(allocatedBytes(file)).toBeLessThan(30 * mib);
  await expect(makeDiskFile(file, 16)).rejects.toThrow("EEXIST");
  expect(statSync(file).size).toBe(1024 * mib);
});

test("mounted twice it is one file system behind one device", async () => {
  const file = `${directory}/disk`;
  await makeDiskFile(file, 16);
  mountDiskFile(file, `${directory}/one`);
  mountDiskFile(file, `${directory}/two`);
  writeFileSync(`${directory}/one/file`, "x");
  expect(readFileSync(`${directory}/two/file`, "utf8")).toBe("x");
  expect(loopsOf(file)).toBe(1);
  await unmountDiskFile(`${directory}/one`);
  await unmountDiskFile(`${directory}/two`);
  expect(loopsOf(file)).toBe(0);
});
