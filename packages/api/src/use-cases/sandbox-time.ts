import type { SandboxRecord } from "@sandbank/store/sandbox-record";
import type { Team } from "@sandbank/store/teams";
import { type ControlPlane, limitsOf } from "../control-plane.ts";
import { sandboxEnding, sandboxNotFound } from "./sandbox-errors.ts";
import { checkedTimeoutMs, endFrom } from "./timeouts.ts";

/** Refreshes shorter than this count as this. */
const minRefreshSec = 15;

type NewEnd = (record: SandboxRecord, askedEndMs: number) => number;

async function moveEnd(
  plane: ControlPlane,
  team: Team,
  sandboxId: string,
  timeoutSec: number,
  newEnd: NewEnd,
): Promise<SandboxRecord> {
  const limits = limitsOf(plane, team);
  const timeoutMs = checkedTimeoutMs(timeoutSec, limits);
  const before = await plane.store.sandboxes.get(sandboxId);
  if (before?.teamId !== team.id) throw sandboxNotFound(sandboxId);
  // Its lock is held until it is gone, so waiting could only end in "not found".
  if (before.state === "killing") throw sandboxEnding(sandboxId);
  return plane.locks.run(sandboxId, async () => {
    const record = await plane.store.sandboxes.get(sandboxId);
    if (record?.state !== "running") throw sandboxNotFound(sandboxId);
    const endAtMs = newEnd(record, endFrom(Date.now(), record.startedAtMs, timeoutMs, limits));
    if (endAtMs === record.endAtMs) return record;
    await plane.store.sandboxes.transition(sandboxId, "running", "running", { endAtMs });
    plane.running.setEnd(sandboxId, endAtMs);
    plane.events.sandboxExtended(sandboxId, endAtMs);
    return { ...record, endAtMs };
  });
}

const later: NewEnd = (record, askedEndMs) => Math.max(record.endAtMs, askedEndMs);
const exactly: NewEnd = (_record, askedEndMs) => askedEndMs;

/** The sandbox, which now runs for at least `timeoutSec`. Rejects with `not_found`, or `conflict` while it is being killed. */
export async function connectSandbox(
  plane: ControlPlane,
  team: Team,
  sandboxId: string,
  timeoutSec: number,
): Promise<SandboxRecord> {
  return moveEnd(plane, team, sandboxId, timeoutSec, later);
}

/** Lets the sandbox end `timeoutSec` from now, sooner or later than before. Rejects like `connectSandbox`. */
export async function setSandboxTimeout(
  plane: ControlPlane,
  team: Team,
  sandboxId: string,
  timeoutSec: number,
): Promise<void> {
  await moveEnd(plane, team, sandboxId, timeoutSec, exactly);
}

/** Like connecting, with a lower bound of 15 s, and never refused for being too long. */
export async function refreshSandbox(
  plane: ControlPlane,
  team: Team,
  sandboxId: string,
  durationSec: number,
): Promise<void> {
  const longestSec = Math.floor(limitsOf(plane, team).maxLengthMs / 1000);
  await moveEnd(plane, team, sandboxId, Math.min(Math.max(durationSec, minRefreshSec), longestSec), later);
}
