import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, expect, test } from "vitest";
import { UidRanges, idsPerRange } from "./uid-ranges.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(`${tmpdir()}/uid-ranges-`);
});
afterEach(() => rmSync(directory, { recursive: true }));

test("ranges never overlap, also not those of two processes", () => {
  const [one, two] = [new UidRanges(`${directory}/x`), new UidRanges(`${directory}/x`)];
  const leases = [one.take("a"), two.take("b"), one.take("c")];
  expect(leases.map(({ index }) => index)).toEqual([0, 1, 2]);
  const firsts = leases.map(({ firstId }) => firstId);
  expect(firsts.map((id) => id - (firsts[0] ?? 0))).toEqual([0, idsPerRange, 2 * idsPerRange]);
  for (const id of firsts) expect(id + idsPerRange).toBeLessThan(2 ** 31);
});

test("only its holder gives a range back, which is then taken again", () => {
  const ranges = new UidRanges(directory);
  ranges.take("a");
  ranges.take("b");
  ranges.release(0, "b");
  expect(ranges.take("c").index).toBe(2);
  ranges.release(0, "a");
  ranges.release(0, "a");
  expect(ranges.take("d").index).toBe(0);
});
