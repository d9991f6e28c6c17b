import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { type MetricSample, MetricsRing, readSamples } from "./metrics-ring.ts";
import { expired } from "./retention.ts";
import { toSample } from "./sampler.ts";

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "sandbank-metrics-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
});

const minuteMs = 60_000;
const startMs = 1_000_000 * minuteMs;
const sample = (atMs: number, cpuUsedPct = 10): MetricSample => ({
  atMs,
  cpuCount: 2,
  cpuUsedPct,
  memoryUsed: 3,
  memoryTotal: 4,
  memoryCache: 5,
  diskUsed: 6,
  diskTotal: 7,
});

test("samples come back in order, and within the times that are asked for", () => {
  expect(readSamples(dir, 0, Infinity)).toEqual([]);
  const ring = new MetricsRing(dir);
  const written = [0, 5_000, 10_000].map((offsetMs) => sample(startMs + offsetMs));
  for (const each of written) ring.add(each);
  expect(readSamples(dir, 0, Infinity)).toEqual(written);
  expect(readSamples(dir, startMs + 1, startMs + 9_000)).toEqual([written[1]]);
});

test("a day is kept by the minute and its last hour as sampled, in a file that does not grow", () => {
  const ring = new MetricsRing(dir);
  const hours = 26;
  for (let offsetMs = 0; offsetMs < hours * 60 * minuteMs; offsetMs += 5_000) {
    ring.add(sample(startMs + offsetMs, (offsetMs / 5_000) % 12));
  }
  const kept = readSamples(dir, 0, Infinity);
  const spanMs = (kept.at(-1)?.atMs ?? 0) - (kept[0]?.atMs ?? 0);
  expect(spanMs).toBeGreaterThan(23.9 * 60 * minuteMs);
  expect(spanMs).toBeLessThanOrEqual(24 * 60 * minuteMs);
  expect(kept).toHaveLength(720 + 23 * 60);
  expect(kept[0]?.cpuUsedPct).toBe(5.5);
  expect(kept.map(({ atMs }) => atMs)).toEqual(kept.map(({ atMs }) => atMs).toSorted((a, b) => a - b));
  expect(statSync(join(dir, "metrics.ring")).size).toBeLessThan(200_000);
});

test("samples of an earlier time round are not shown after a gap", () => {
  const ring = new MetricsRing(dir);
  ring.add(sample(startMs));
  const laterMs = startMs + 30 * 60 * minuteMs;
  new MetricsRing(dir).add(sample(laterMs));
  expect(readSamples(dir, 0, Infinity).map(({ atMs }) => atMs)).toEqual([laterMs]);
});

test("use is what the counters say between two readings", () => {
  const usage = { cpuUsec: 0, memoryBytes: 100, cacheBytes: 30, diskUsedBytes: 1, diskTotalBytes: 2 };
  const limits = { cpuCount: 2, memoryMib: 1 };
  const now = { atMs: 1_000, usage: { ...usage, cpuUsec: 500_000 } };
  expect(toSample(limits, { atMs: 0, usage }, now)).toMatchObject({
    cpuUsedPct: 25,
    memoryUsed: 70,
    memoryCache: 30,
    memoryTotal: 1024 * 1024,
  });
  const over = { atMs: 1_000, usage: { ...usage, cpuUsec: 9_000_000 } };
  expect(toSample(limits, { atMs: 0, usage }, over).cpuUsedPct).toBe(100);
});

test("what ended long ago goes, then the oldest until the rest fits; the living stay", () => {
  const kept = [
    { dir: "live", bytes: 90, changedMs: 1, isLive: true },
    { dir: "old", bytes: 1, changedMs: 10, isLive: false },
    { dir: "first", bytes: 20, changedMs: 60, isLive: false },
    { dir: "second", bytes: 20, changedMs: 70, isLive: false },
  ];
  const options = { dir: "", isLive: () => false, maxAgeMs: 50, maxTotalBytes: 110 };
  expect(expired(kept, options, 100)).toEqual(["old", "first"]);
  expect(expired(kept, { ...options, maxTotalBytes: 1_000 }, 100)).toEqual(["old"]);
});
