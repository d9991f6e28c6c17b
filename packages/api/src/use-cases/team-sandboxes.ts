import { errorText } from "@sandbank/core/errors";
import type { ControlPlane } from "../control-plane.ts";
import { killSandbox } from "./end-sandbox.ts";

/** Ends every sandbox of a team; one that fails does not keep the others, and is tried again by the reconciler. */
export async function killTeamSandboxes(
  plane: ControlPlane,
  teamId: string,
): Promise<{ killedCount: number; failedCount: number }> {
  const records = await plane.store.sandboxes.inStates(["running", "killing"]);
  const own = records.filter((record) => record.teamId === teamId);
  const results = await Promise.allSettled(own.map(({ id }) => killSandbox(plane, teamId, id)));
  for (const [index, result] of results.entries()) {
    if (result.status === "rejected") plane.events.repairFailed(own[index]?.id, errorText(result.reason));
  }
  const killedCount = results.filter(({ status }) => status === "fulfilled").length;
  return { killedCount, failedCount: results.length - killedCount };
}

/** Running sandboxes by team id; teams without any are left out. */
export async function runningCounts(plane: ControlPlane): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { teamId } of plane.running.list()) counts[teamId] = (counts[teamId] ?? 0) + 1;
  return counts;
}
