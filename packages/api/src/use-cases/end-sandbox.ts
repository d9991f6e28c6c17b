import type { EndReason } from "@sandbank/store/sandbox-record";
import type { ControlPlane } from "../control-plane.ts";
import type { NodeEnd } from "../ports.ts";
import { sandboxNotFound } from "./sandbox-errors.ts";

/**
 * Ends a sandbox that runs, or whose end was begun and not finished. Call with the sandbox's lock held.
 * When the node fails, the sandbox stays in `killing` and the reconciler goes on with it.
 */
async function end(plane: ControlPlane, sandboxId: string, endReason: EndReason): Promise<void> {
  const { sandboxes } = plane.store;
  await sandboxes.transition(sandboxId, "running", "killing", { endReason });
  // Before the node is asked, so that nobody is sent to a sandbox that is half gone.
  plane.running.remove(sandboxId);
  await plane.node.kill(sandboxId);
  if (await sandboxes.transition(sandboxId, "killing", "ended", { endedAtMs: Date.now() })) {
    plane.events.sandboxEnded(sandboxId, endReason, undefined);
  }
}

/** Ends a sandbox. Rejects with `not_found` when the team has no such sandbox alive; of concurrent calls all succeed. */
export async function killSandbox(plane: ControlPlane, teamId: string, sandboxId: string): Promise<void> {
  const before = await plane.store.sandboxes.get(sandboxId);
  const alive = before?.state === "running" || before?.state === "killing";
  if (!alive || before.teamId !== teamId) throw sandboxNotFound(sandboxId);
  await plane.locks.run(sandboxId, async () => {
    const now = await plane.store.sandboxes.get(sandboxId);
    // It lived when the call came: whoever ended it meanwhile did what was asked for.
    if (now?.state === "running" || now?.state === "killing") await end(plane, sandboxId, "killed");
  });
}

/** Ends a sandbox whose time is over; does nothing when its end has been moved meanwhile. */
export async function endOverdue(plane: ControlPlane, sandboxId: string): Promise<void> {
  await plane.locks.run(sandboxId, async () => {
    const record = await plane.store.sandboxes.get(sandboxId);
    if (record?.state === "running" && record.endAtMs <= Date.now()) await end(plane, sandboxId, "timeout");
  });
}

/** Goes on with an end that an earlier call or process began. */
export async function finishEnd(plane: ControlPlane, sandboxId: string): Promise<void> {
  await plane.locks.run(sandboxId, async () => {
    const record = await plane.store.sandboxes.get(sandboxId);
    if (record?.state === "killing") await end(plane, sandboxId, record.endReason ?? "killed");
  });
}

/** Records what the node noticed. Ends that this side asked for are recorded by who asked. */
export async function recordEnd(plane: ControlPlane, ended: NodeEnd): Promise<void> {
  const { sandboxId, kind, exitCode, atMs } = ended;
  await plane.locks.run(sandboxId, async () => {
    const patch = { endReason: kind, exitCode, endedAtMs: atMs };
    if (!(await plane.store.sandboxes.transition(sandboxId, "running", "ended", patch))) return;
    plane.running.remove(sandboxId);
    plane.events.sandboxEnded(sandboxId, kind, exitCode);
  });
}
