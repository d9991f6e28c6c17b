import { afterEach, beforeEach, expect, test } from "vitest";
import { TestApi } from "./testing/test-api.ts";
import { thinOut } from "./use-cases/observe-sandbox.ts";
import { largest, teamSeries } from "./use-cases/team-metrics.ts";

let api: TestApi;

beforeEach(async () => {
  api = await TestApi.start();
});
afterEach(() => api.close());

const sample = (atMs: number) => ({
  atMs,
  cpuCount: 2,
  cpuUsedPct: 12.5,
  memoryUsed: 1,
  memoryTotal: 2,
  memoryCache: 3,
  diskUsed: 4,
  diskTotal: 5,
});

test("logs of both versions, also after the end; the line is JSON with a level", async () => {
  const id = await api.create();
  api.node.logs.push({
    atMs: 1_000,
    level: "warn",
    logger: "process",
    message: "hot",
    fields: { pid: "7", level: "forged" },
  });
  await api.call("DELETE", `/sandboxes/${id}`);
  const { status, body } = await api.call("GET", `/sandboxes/${id}-client/logs?start=5`);
  expect(status).toBe(200);
  const entry = {
    timestamp: "1970-01-01T00:00:01.000Z",
    level: "warn",
    message: "hot",
    fields: { logger: "process", pid: "7" },
  };
  const [line] = body["logs"] as { timestamp: string; line: string }[];
  expect(line?.timestamp).toBe(entry.timestamp);
  expect(JSON.parse(line?.line ?? "")).toEqual({
    level: "warn",
    logger: "process",
    message: "hot",
    pid: "7",
  });
  expect(body["logEntries"]).toMatchObject([entry]);
  expect(api.node.logRequests[0]).toMatchObject({
    sandboxId: id,
    cursorMs: 5,
    backward: false,
    limit: 1_000,
  });
  const v2 = await api.call("GET", `/v2/sandboxes/${id}/logs?cursor=9&limit=3&level=info&search=h%20t`);
  expect(v2.body["logs"]).toMatchObject([entry]);
  expect(api.node.logRequests[1]).toMatchObject({
    cursorMs: 9,
    backward: true,
    limit: 3,
    level: "info",
    search: "h t",
  });
  await api.call("GET", `/v2/sandboxes/${id}/logs?direction=forward`);
  expect(api.node.logRequests[2]).toMatchObject({ backward: false });
});

test("bad queries are refused, other teams' and unknown sandboxes are not found", async () => {
  const id = await api.create();
  for (const query of ["limit=1001", "level=loud", "direction=up", "cursor=x", `search=${"x".repeat(257)}`]) {
    expect((await api.call("GET", `/v2/sandboxes/${id}/logs?${query}`)).status).toBe(400);
  }
  const other = await api.store.teams.ensure("other");
  const { key } = await api.store.apiKeys.create(other.id, "theirs");
  const headers = { "x-api-key": key };
  for (const path of [`/sandboxes/${id}/logs`, `/v2/sandboxes/${id}/logs`, `/sandboxes/${id}/metrics`]) {
    expect((await api.call("GET", path, undefined, { headers })).status).toBe(404);
    expect((await api.call("GET", path.replace(id, "i00000000000000000000"))).status).toBe(404);
  }
  api.node.samples.push(sample(1));
  const newest = await api.call("GET", `/sandboxes/metrics?sandbox_ids=${id}`, undefined, { headers });
  expect(newest.body).toEqual({ sandboxes: {} });
});

test("metrics of one and of several sandboxes", async () => {
  const id = await api.create();
  api.node.samples.push(sample(1_500), sample(6_500));
  const { body } = await api.call("GET", `/sandboxes/${id}/metrics?start=1&end=9`);
  expect(body).toHaveLength(2);
  expect(body[0]).toEqual({
    timestamp: "1970-01-01T00:00:01.500Z",
    timestampUnix: 1,
    cpuCount: 2,
    cpuUsedPct: 12.5,
    memUsed: 1,
    memTotal: 2,
    memCache: 3,
    diskUsed: 4,
    diskTotal: 5,
  });
  expect((await api.call("GET", `/sandboxes/${id}/metrics?start=9&end=1`)).status).toBe(400);
  const several = await api.call("GET", `/sandboxes/metrics?sandbox_ids=${id},i00000000000000000000`);
  expect(Object.keys(several.body["sandboxes"] as object)).toEqual([id]);
  const many = Array.from({ length: 101 }, (_, index) => `i${index}`).join(",");
  expect((await api.call("GET", `/sandboxes/metrics?sandbox_ids=${many}`)).status).toBe(400);
});

test("a day of samples is thinned out", () => {
  const day = Array.from({ length: 1_440 }, (_, index) => ({ ...sample(index * 60_000), memoryUsed: index }));
  const thin = thinOut(day);
  expect(thin).toHaveLength(720);
  expect(thin.at(-1)).toMatchObject({ memoryUsed: 1_439, cpuUsedPct: 12.5 });
  expect(thinOut(day.slice(0, 720))).toHaveLength(720);
});

test("a team's metrics say how many ran and started; another team's are forbidden", async () => {
  const ids = [await api.create(), await api.create(), await api.create()];
  await api.call("DELETE", `/sandboxes/${ids[0]}`);
  const record = await api.store.sandboxes.get(ids[1] ?? "");
  const path = `/teams/${record?.teamId}/metrics`;
  const { body } = await api.call("GET", path);
  expect(body[0]).toMatchObject({ concurrentSandboxes: 3, sandboxStartRate: 0.1 });
  const most = await api.call("GET", `${path}/max?metric=concurrent_sandboxes`);
  expect(most.body["value"]).toBe(3);
  const rate = await api.call("GET", `${path}/max?metric=sandbox_start_rate`);
  expect(rate.body["value"]).toBe(0.1);
  expect((await api.call("GET", `${path}/max?metric=other`)).status).toBe(400);
  expect((await api.call("GET", `${path}?start=20&end=10`)).status).toBe(400);
  expect((await api.call("GET", "/teams/another/metrics")).status).toBe(403);
});

test("the series follows each sandbox from its start to its end", () => {
  const lifetimes = [
    { startedAtMs: 0, endedAtMs: 40_000 },
    { startedAtMs: 35_000, endedAtMs: undefined },
    { startedAtMs: 70_000, endedAtMs: 71_000 },
  ];
  const series = teamSeries(lifetimes, { startMs: 0, endMs: 119_000 });
  expect(series.map(({ concurrent }) => concurrent)).toEqual([1, 2, 2, 1]);
  expect(series.map(({ startRate }) => Math.round(startRate * 30))).toEqual([1, 1, 1, 0]);
  expect(largest(series, "concurrent", 0)).toEqual({ atMs: 30_000, value: 2 });
  expect(teamSeries(lifetimes, { startMs: 90_000, endMs: 119_000 })[0]).toMatchObject({ concurrent: 1 });
  expect(largest(teamSeries([], { startMs: 0, endMs: 1 }), "startRate", 0)).toEqual({ atMs: 0, value: 0 });
});
