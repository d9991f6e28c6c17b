import type { ControlPlane } from "../control-plane.ts";
import type { NodeLogEntry, NodeMetric } from "../ports.ts";
import { readLogs, readMetrics, readNewestMetrics } from "../use-cases/observe-sandbox.ts";
import { checkedInterval, largest, readTeamMetrics } from "../use-cases/team-metrics.ts";
import type { Handlers } from "./operation-types.ts";

const defaultLogLimit = 1_000;

/** Old clients add the client id to the sandbox id. */
const sandboxIdOf = (path: { sandboxID: string }): string => path.sandboxID.split("-", 1)[0] ?? "";

const timeOf = (atMs: number) => ({
  timestamp: new Date(atMs).toISOString(),
  timestampUnix: Math.floor(atMs / 1000),
});

const entryView = ({ atMs, level, logger, message, fields }: NodeLogEntry) => ({
  timestamp: new Date(atMs).toISOString(),
  level,
  message,
  fields: { logger, ...fields },
});

/** The line is a JSON object: clients take its level and logger, and print the rest. */
const lineView = ({ atMs, level, logger, message, fields }: NodeLogEntry) => ({
  timestamp: new Date(atMs).toISOString(),
  line: JSON.stringify({ ...fields, level, logger, message }),
});

const metricView = (metric: NodeMetric) => ({
  ...timeOf(metric.atMs),
  cpuCount: metric.cpuCount,
  cpuUsedPct: metric.cpuUsedPct,
  memUsed: metric.memoryUsed,
  memTotal: metric.memoryTotal,
  memCache: metric.memoryCache,
  diskUsed: metric.diskUsed,
  diskTotal: metric.diskTotal,
});

const millis = (seconds: number | undefined): number | undefined =>
  seconds === undefined ? undefined : seconds * 1000;

/** Until the end of the second that is asked for. */
const endMillis = (seconds: number | undefined): number | undefined =>
  seconds === undefined ? undefined : seconds * 1000 + 999;

function teamHandlers(plane: ControlPlane): Handlers {
  return {
    async getTeamMetrics({ team, path, query }) {
      const asked = { startMs: millis(query.start), endMs: endMillis(query.end) };
      const interval = checkedInterval(team, path.teamID, asked);
      const series = await readTeamMetrics(plane, team, interval);
      const body = series.map(({ atMs, concurrent, startRate }) => ({
        ...timeOf(atMs),
        concurrentSandboxes: concurrent,
        sandboxStartRate: startRate,
      }));
      return { status: 200, body };
    },
    async getTeamMetricsMax({ team, path, query }) {
      const asked = { startMs: millis(query.start), endMs: endMillis(query.end) };
      const interval = checkedInterval(team, path.teamID, asked);
      const series = await readTeamMetrics(plane, team, interval);
      const member = query.metric === "concurrent_sandboxes" ? "concurrent" : "startRate";
      const { atMs, value } = largest(series, member, interval.startMs);
      return { status: 200, body: { ...timeOf(atMs), value } };
    },
  };
}

/** Handlers of logs and metrics. */
export function observeHandlers(plane: ControlPlane): Handlers {
  return {
    ...teamHandlers(plane),
    async getSandboxLogs({ team, path, query }) {
      const { start: cursorMs, limit = defaultLogLimit } = query;
      const entries = await readLogs(plane, team, sandboxIdOf(path), {
        cursorMs,
        direction: "forward",
        limit,
      });
      return { status: 200, body: { logs: entries.map(lineView), logEntries: entries.map(entryView) } };
    },
    async getSandboxLogsV2({ team, path, query }) {
      const { cursor: cursorMs, direction = "backward", limit = defaultLogLimit, level, search } = query;
      const wanted = { cursorMs, direction, limit, level, search };
      const entries = await readLogs(plane, team, sandboxIdOf(path), wanted);
      return { status: 200, body: { logs: entries.map(entryView) } };
    },
    async getSandboxMetrics({ team, path, query }) {
      const interval = { startMs: millis(query.start), endMs: endMillis(query.end) };
      const metrics = await readMetrics(plane, team, sandboxIdOf(path), interval);
      return { status: 200, body: metrics.map(metricView) };
    },
    async listSandboxesMetrics({ team, query }) {
      const ids = query.sandbox_ids
        .split(",")
        .filter((id) => id !== "")
        .map((sandboxID) => sandboxIdOf({ sandboxID }));
      const newest = await readNewestMetrics(plane, team, ids);
      const views = Object.entries(newest).map(([id, metric]) => [id, metricView(metric)] as const);
      return { status: 200, body: { sandboxes: Object.fromEntries(views) } };
    },
  };
}
