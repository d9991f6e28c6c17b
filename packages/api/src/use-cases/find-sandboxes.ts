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
  /** All pairs must match. */
  metadata: Record<string, string>;
}

export interface SandboxPage {
  sandboxes: SandboxRecord[];
  /** The last sandbox of this page, when there is another page. */
  next: SandboxRecord | undefined;
  totalRunning: number;
}

const batchSize = 200;

/**
 * One page of the team's sandboxes. Metadata is compared here and not by the database, whose JSON functions differ
 * from one to another; rows are read in batches, so memory stays bounded however few match.
 */
export async function listSandboxes(
  plane: ControlPlane,
  team: Team,
  query: SandboxListQuery,
): Promise<SandboxPage> {
  const wanted = Object.entries(query.metadata);
  const matches = (record: SandboxRecord): boolean =>
    wanted.every(([key, value]) => Object.hasOwn(record.metadata, key) && record.metadata[key] === value);
  const sandboxes: SandboxRecord[] = [];
  let { after } = query;
  let more = true;
  // One more than asked for tells whether another page follows.
  while (more && sandboxes.length <= query.limit) {
    const limit = wanted.length > 0 ? batchSize : query.limit + 1 - sandboxes.length;
    const batch = await plane.store.sandboxes.page({ ...query, teamId: team.id, after, limit });
    sandboxes.push(...batch.filter(matches));
    after = batch.at(-1);
    more = batch.length === limit;
  }
  const page = sandboxes.slice(0, query.limit);
  return {
    sandboxes: page,
    next: sandboxes.length > query.limit ? page.at(-1) : undefined,
    totalRunning: await plane.store.sandboxes.countRunning(team.id),
  };
}

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
