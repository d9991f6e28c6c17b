import { AppError } from "@sandbank/core/errors";
import type { Lifetime } from "@sandbank/store/sandboxes";
import type { Team } from "@sandbank/store/teams";
import type { ControlPlane } from "../control-plane.ts";

export interface TeamMetric {
  atMs: number;
  /** Most that ran at a time in the step that begins then. */
  concurrent: number;
  /** Starts per second in that step. */
  startRate: number;
}

export interface Interval {
  startMs: number;
  endMs: number;
}

const defaultSpanMs = 3_600_000;
const minStepMs = 30_000;
const maxSteps = 720;

/** The times asked for; the last hour by default. Rejects with `permission_denied` for another team, `invalid_argument` for an empty time. */
export function checkedInterval(
  team: Team,
  teamId: string,
  asked: { startMs: number | undefined; endMs: number | undefined },
): Interval {
  if (teamId !== team.id) {
    throw new AppError({ code: "permission_denied", message: `The key is not one of team "${teamId}"` });
  }
  const endMs = Math.min(asked.endMs ?? Date.now(), Date.now());
  const startMs = asked.startMs ?? endMs - defaultSpanMs;
  if (startMs < endMs) return { startMs, endMs };
  throw new AppError({
    code: "invalid_argument",
    message: 'validation error: query field "start" must be before "end" and in the past',
  });
}

/**
 * How many sandboxes ran and started, step by step, from when each of them lived; steps that began before the first
 * one are left out.
 */
export function teamSeries(lifetimes: Lifetime[], { startMs, endMs }: Interval): TeamMetric[] {
  const firstMs = Math.max(startMs, lifetimes[0]?.startedAtMs ?? endMs);
  const stepMs = Math.max(minStepMs, Math.ceil((endMs - firstMs) / maxSteps));
  const changes = lifetimes
    .flatMap(({ startedAtMs, endedAtMs }) => [
      { atMs: startedAtMs, by: 1 },
      ...(endedAtMs === undefined ? [] : [{ atMs: endedAtMs, by: -1 }]),
    ])
    .toSorted((a, b) => a.atMs - b.atMs || a.by - b.by);
  const series: TeamMetric[] = [];
  let running = 0;
  let next = 0;
  for (let atMs = firstMs; atMs <= endMs; atMs += stepMs) {
    let starts = 0;
    for (; (changes[next]?.atMs ?? Number.POSITIVE_INFINITY) < atMs; next++)
      running += changes[next]?.by ?? 0;
    let concurrent = running;
    for (let change = changes[next]; change && change.atMs < atMs + stepMs; change = changes[++next]) {
      running += change.by;
      if (change.by > 0) starts++;
      concurrent = Math.max(concurrent, running);
    }
    series.push({ atMs, concurrent, startRate: (starts * 1000) / stepMs });
  }
  return series;
}

/** The team's use over a time. */
export async function readTeamMetrics(
  plane: ControlPlane,
  team: Team,
  { startMs, endMs }: Interval,
): Promise<TeamMetric[]> {
  return teamSeries(await plane.store.sandboxes.lifetimes(team.id, startMs, endMs), { startMs, endMs });
}

/** The step with the most of one of the two; the time's beginning when there was nothing. */
export function largest(
  series: TeamMetric[],
  member: "concurrent" | "startRate",
  startMs: number,
): { atMs: number; value: number } {
  let found = { atMs: startMs, value: 0 };
  for (const metric of series) {
    if (metric[member] > found.value) found = { atMs: metric.atMs, value: metric[member] };
  }
  return found;
}
