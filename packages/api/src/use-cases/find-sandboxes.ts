import type { SandboxRecord, SandboxState } from "@sandbank/store/sandbox-record";
import type { SandboxPageQuery } from "@sandbank/store/sandboxes";
import type { Team } from "@sandbank/store/teams";
import type { ControlPlane } from "../control-plane.ts";
import { sandboxNotFound } from "./sandbox-errors.ts";

/** States that clients see. */
export const visibleStates = ["running", "paused"] as const satisfies SandboxState[];
export type VisibleState = (typeof visibleStates)[number];

const isVisible = (record: SandboxRecord): boolean => visibleStates.some((state) => state === record.state);

/** Rejects with `not_found`; another team's sandbox is not found either. */
export async function getSandbox(plane: ControlPlane, team: Team, sandboxId: string): Promise<SandboxRecord> {
  const record = await plane.store.sandboxes.get(sandboxId);
  if (!record || record.teamId !== team.id || !isVisible(record)) throw sandboxNotFound(sandboxId);
  return record;
}

export interface SandboxListQuery extends Omit<SandboxPageQuery, "teamId" | "states"> {
  states: VisibleState[];
}

export interface SandboxPage {
  sandboxes: SandboxRecord[];
  /** The last sandbox of this page, when there is another page. */
  next: SandboxRecord | undefined;
  totalRunning: number;
}

/** One page of the team's sandboxes. */
export async function listSandboxes(
  plane: ControlPlane,
  team: Team,
  query: SandboxListQuery,
): Promise<SandboxPage> {
  // One more than asked for tells whether another page follows.
  const limit = query.limit + 1;
  const found = await plane.store.sandboxes.page({ ...query, teamId: team.id, limit });
  const sandboxes = found.slice(0, query.limit);
  return {
    sandboxes,
    next: found.length > query.limit ? sandboxes.at(-1) : undefined,
    totalRunning: await plane.store.sandboxes.countRunning(team.id),
  };
}

const batchSize = 200;

/** All of the team's running sandboxes whose metadata match, newest first. */
export async function listAllRunning(
  plane: ControlPlane,
  team: Team,
  metadata: Record<string, string>,
): Promise<SandboxRecord[]> {
  const sandboxes: SandboxRecord[] = [];
  let after: SandboxRecord | undefined;
  do {
    const page = await listSandboxes(plane, team, {
      states: ["running"],
      metadata,
      order: "desc",
      limit: batchSize,
      after,
    });
    sandboxes.push(...page.sandboxes);
    after = page.next;
  } while (after);
  return sandboxes;
}
