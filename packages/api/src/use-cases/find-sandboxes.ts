import { AppError } from "@sandbank/core/errors";
import type { SandboxRecord, SandboxState } from "@sandbank/store/sandbox-record";
import type { SandboxPageQuery } from "@sandbank/store/sandboxes";
import type { Team } from "@sandbank/store/teams";
import type { ControlPlane } from "../control-plane.ts";
import { findTemplate } from "./resolve-template.ts";
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

export interface SandboxListQuery extends Omit<SandboxPageQuery, "teamId" | "states" | "templateId"> {
  states: VisibleState[];
  /** Reference of a template; one that the team can't find matches no sandbox. */
  template?: string | undefined;
}

export interface SandboxPage {
  sandboxes: SandboxRecord[];
  /** The last sandbox of this page, when there is another page. */
  next: SandboxRecord | undefined;
  totalRunning: number;
}

async function templateIdOf(plane: ControlPlane, team: Team, reference: string): Promise<string | undefined> {
  try {
    return (await findTemplate(plane.store.templates, team, reference)).id;
  } catch (error) {
    if (error instanceof AppError && error.code === "not_found") return undefined;
    throw error;
  }
}

/** One page of the team's sandboxes. */
export async function listSandboxes(
  plane: ControlPlane,
  team: Team,
  query: SandboxListQuery,
): Promise<SandboxPage> {
  // One more than asked for tells whether another page follows.
  const limit = query.limit + 1;
  const totalRunning = await plane.store.sandboxes.countRunning(team.id);
  const templateId =
    query.template === undefined ? undefined : await templateIdOf(plane, team, query.template);
  if (query.template !== undefined && templateId === undefined) {
    return { sandboxes: [], next: undefined, totalRunning };
  }
  const found = await plane.store.sandboxes.page({ ...query, teamId: team.id, templateId, limit });
  const sandboxes = found.slice(0, query.limit);
  return { sandboxes, next: found.length > query.limit ? sandboxes.at(-1) : undefined, totalRunning };
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
