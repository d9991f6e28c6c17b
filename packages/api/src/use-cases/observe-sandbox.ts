import { AppError } from "@sandbank/core/errors";
import type { SandboxRecord } from "@sandbank/store/sandbox-record";
import type { Team } from "@sandbank/store/teams";
import type { ControlPlane } from "../control-plane.ts";
import type { NodeLogEntry, NodeLogQuery, NodeMetric } from "../ports.ts";
import { sandboxNotFound } from "./sandbox-errors.ts";

/** Most sandboxes whose newest samples are asked for at a time. */
const maxIds = 100;
/** Samples up to this many are given as they are: an hour of them. */
const maxSamples = 720;
/** Steps that longer times are divided into. */
const stepsMs = [15, 30, 60, 120, 300, 600].map((seconds) => seconds * 1000);

/** The team's sandbox, alive or in its history. */
async function ownSandbox(plane: ControlPlane, team: Team, sandboxId: string): Promise<SandboxRecord> {
  const record = await plane.store.sandboxes.get(sandboxId);
  if (record?.teamId !== team.id) throw sandboxNotFound(sandboxId);
  return record;
}

/** What is kept of a sandbox's log. Rejects with `not_found`; another team's sandbox is not found either. */
export async function readLogs(
  plane: ControlPlane,
  team: Team,
  sandboxId: string,
  query: NodeLogQuery,
): Promise<NodeLogEntry[]> {
  await ownSandbox(plane, team, sandboxId);
  return plane.node.logs(sandboxId, query);
}

function mergeStep(samples: NodeMetric[]): NodeMetric[] {
  const last = samples.at(-1);
  if (!last) return [];
  const most = (member: "memoryUsed" | "memoryCache" | "diskUsed"): number =>
    Math.max(...samples.map((sample) => sample[member]));
  const cpuSum = samples.reduce((sum, sample) => sum + sample.cpuUsedPct, 0);
  return [
    {
      ...last,
      cpuUsedPct: cpuSum / samples.length,
      memoryUsed: most("memoryUsed"),
      memoryCache: most("memoryCache"),
      diskUsed: most("diskUsed"),
    },
  ];
}

/** Long times by steps: the mean use of CPU, and the most that was used of the rest. */
export function thinOut(samples: NodeMetric[]): NodeMetric[] {
  if (samples.length <= maxSamples) return samples;
  const spanMs = (samples.at(-1)?.atMs ?? 0) - (samples[0]?.atMs ?? 0);
  const stepMs = stepsMs.find((step) => spanMs / step <= maxSamples) ?? Math.ceil(spanMs / maxSamples);
  const steps = Map.groupBy(samples, ({ atMs }) => Math.floor(atMs / stepMs));
  return [...steps.values()].flatMap(mergeStep);
}

/** A sandbox's samples between two times, oldest first. Rejects with `not_found` or, for an empty time, `invalid_argument`. */
export async function readMetrics(
  plane: ControlPlane,
  team: Team,
  sandboxId: string,
  { startMs, endMs }: { startMs: number | undefined; endMs: number | undefined },
): Promise<NodeMetric[]> {
  if (startMs !== undefined && endMs !== undefined && startMs > endMs) {
    throw new AppError({
      code: "invalid_argument",
      message: 'validation error: query field "start" must not be after "end"',
    });
  }
  await ownSandbox(plane, team, sandboxId);
  return thinOut(await plane.node.metrics(sandboxId, startMs, endMs));
}

/** The newest sample of each of the team's running sandboxes that are named; others are left out. */
export async function readNewestMetrics(
  plane: ControlPlane,
  team: Team,
  sandboxIds: string[],
): Promise<Record<string, NodeMetric>> {
  if (sandboxIds.length > maxIds) {
    throw new AppError({
      code: "invalid_argument",
      message: `validation error: query field "sandbox_ids" must have at most ${maxIds} ids`,
    });
  }
  const own = sandboxIds.filter((id) => plane.running.get(id)?.teamId === team.id);
  return own.length === 0 ? {} : plane.node.newestMetrics(own);
}
