import type { components } from "@sandbank/protocol/gen/openapi";
import type { JsonObject } from "@sandbank/store/sandbox-record";
import type { Team } from "@sandbank/store/teams";
import type { ControlPlane } from "../control-plane.ts";
import { readEgressPolicy } from "./egress-config.ts";
import { checkReferences, secretsFor } from "./sandbox-secrets.ts";
import { sandboxEnding, sandboxNotFound } from "./sandbox-errors.ts";

type NetworkUpdate = components["schemas"]["NetworkUpdate"];

/** Parts of `network` that say what reaches the sandbox, not what it reaches: an update leaves them as they are. */
const ingressFields = ["allowPublicTraffic", "maskRequestHost", "httpsPorts"];

const ingressOf = (network: JsonObject | undefined): JsonObject =>
  Object.fromEntries(Object.entries(network ?? {}).filter(([name]) => ingressFields.includes(name)));

/**
 * Replaces what a running sandbox may reach; when it returns, that is in force. Rejects with `not_found`, with `conflict`
 * while it is being killed, and with `invalid_argument` naming the entry that is wrong.
 */
export async function updateNetwork(
  plane: ControlPlane,
  team: Team,
  sandboxId: string,
  update: NetworkUpdate,
): Promise<void> {
  const { allow_internet_access: internet, ...egress } = update;
  const policy = readEgressPolicy(egress, internet);
  const before = await plane.store.sandboxes.get(sandboxId);
  if (before?.teamId !== team.id) throw sandboxNotFound(sandboxId);
  if (before.state === "killing") throw sandboxEnding(sandboxId);
  await plane.locks.run(sandboxId, async () => {
    const record = await plane.store.sandboxes.get(sandboxId);
    if (record?.state !== "running") throw sandboxNotFound(sandboxId);
    await checkReferences(plane, team.id, egress);
    await plane.node.setEgress(sandboxId, policy, {
      secrets: await secretsFor(plane, team.id, egress),
      envdAccessToken: record.secure ? plane.tokens.envd(sandboxId) : undefined,
    });
    const network = { ...ingressOf(record.network), ...egress };
    const patch = { network, allowInternetAccess: internet ?? null };
    await plane.store.sandboxes.transition(sandboxId, "running", "running", patch);
  });
}
