import type { KeyedLock } from "@sandbank/core/keyed-lock";
import { type VolumeClaims, hashToken } from "@sandbank/protocol/tokens";
import type { SandboxRecord } from "@sandbank/store/sandbox-record";
import type { Store } from "@sandbank/store/store";
import type { Team, TeamLimits } from "@sandbank/store/teams";
import type { Events } from "./events.ts";
import type { NodePort } from "./ports.ts";
import type { RunningSandboxes } from "./running-sandboxes.ts";
import type { SecretBox } from "./secret-box.ts";
import { ingressOf } from "./use-cases/ingress.ts";
import type { Nodes } from "./use-cases/nodes.ts";
import type { Tenants } from "./use-cases/tenants.ts";
import type { VolumePort } from "./volume-port.ts";

/** Everything that the use-cases work with. */
export interface ControlPlane {
  store: Store;
  node: NodePort;
  volumes: VolumePort;
  running: RunningSandboxes;
  /** Held by the id of a sandbox, secret or volume while its state changes. */
  locks: KeyedLock;
  /** Creates of this process that are under way, by sandbox id. */
  creating: Map<string, Promise<SandboxRecord>>;
  tokens: Tokens;
  events: Events;
  tenants: Tenants;
  /** Seals the values of secrets for the store. */
  secretBox: SecretBox;
  nodes: Nodes;
  /** Of the operator's token; without it nobody is the operator. */
  adminTokenHash: string | undefined;
  /** Limits of teams that have none of their own. */
  limits: TeamLimits;
  /** Domain of sandbox host names, sent to clients; null leaves the choice to them. */
  domain: string | null;
}

export interface Tokens {
  envd(sandboxId: string): string;
  traffic(sandboxId: string): string;
  volume(claims: VolumeClaims): string;
  /** undefined for one that is not ours, was changed, or has expired. */
  readVolume(token: string): VolumeClaims | undefined;
}

export const limitsOf = (plane: ControlPlane, team: Team): TeamLimits => ({
  ...plane.limits,
  ...team.limits,
});

/** Whether ports other than the daemon's need the traffic token. */
export const hasPrivateTraffic = (record: SandboxRecord): boolean =>
  record.network?.allowPublicTraffic === false;

/** Makes a sandbox that runs known to the edge and the evictor. */
export function publish(plane: ControlPlane, record: SandboxRecord): void {
  plane.running.put({
    route: {
      sandboxId: record.id,
      hostAddress: record.hostAddress ?? "",
      trafficTokenHash: hasPrivateTraffic(record) ? hashToken(plane.tokens.traffic(record.id)) : undefined,
      ...ingressOf(record.network),
    },
    teamId: record.teamId,
    endAtMs: record.endAtMs,
    envdAccessToken: record.secure ? plane.tokens.envd(record.id) : undefined,
  });
}
