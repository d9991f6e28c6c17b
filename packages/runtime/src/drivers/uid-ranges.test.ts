import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, expect, test } from "vitest";
import { UidRanges, idsPerRange } from "./uid-ranges.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(`${tmpdir()}/uid-ranges-`);
});
afterEach(() => rmSync(directory, { recursive: true }));

const ignore = (): void => undefined;

test("ranges never overlap, also not those of two processes", () => {
  const [one, two] = [new UidRanges(`${directory}/x`), new UidRanges(`${directory}/x`)];
  const leases = [one.take("a", ignore), two.take("b", ignore), one.take("c", ignore)];
  expect(leases.map(({ index }) => index)).toEqual([0, 1, 2]);
  const firsts = leases.map(({ firstId }) => firstId);
  expect(firsts.map((id) => id - (firsts[0] ?? 0))).toEqual([0, idsPerRange, 2 * idsPerRange]);
  for (const id of firsts) expect(id + idsPerRange).toBeLessThan(2 ** 31);
});

test("only its holder gives a range back, which is then taken again", () => {
  const ranges = new UidRanges(directory);
  ranges.take("a", ignore);
  ranges.take("b", ignore);
  ranges.release(0, "b");
  expect(ranges.take("c", ignore).index).toBe(2);
  ranges.release(0, "a");
  ranges.release(0, "a");
  expect(ranges.take("d", ignore).index).toBe(0);
});

test("a range is announced before it is taken, so that it can be given back whenever its taker dies", () => {
  const ranges = new UidRanges(directory);
  ranges.take("a", ignore);
  const announced: number[] = [];
  const dies = (index: number): never => {
    announced.push(index);
    throw new Error("killed");
  };
  expect(() => ranges.take("b", dies)).toThrow("killed");
  expect(announced).toEqual([1]);
  // What a later process finds written down and gives back, taken or not.
  ranges.release(1, "b");
  expect(ranges.take("c", ignore).index).toBe(1);
  ranges.release(1, "b");
  expect(ranges.take("d", ignore).index).toBe(2);
});
