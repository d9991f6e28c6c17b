import type { Insertable, Selectable } from "kysely";
import { type SandboxesTable, fromFlag, toFlag } from "./schema.ts";

/** Where a sandbox is in its life; `ended` rows are history. */
export const sandboxStates = ["creating", "running", "paused", "killing", "ended"] as const;
export type SandboxState = (typeof sandboxStates)[number];

/** States in which a sandbox counts against its team's limits, because it holds a node's resources. */
export const occupyingStates: readonly SandboxState[] = ["creating", "running", "killing"];

/** Every change of state there is. Staying in `running` is for patches of a sandbox that runs. */
export const transitions: Record<SandboxState, readonly SandboxState[]> = {
  creating: ["running"],
  running: ["running", "killing", "ended"],
  // Nothing pauses yet.
  paused: [],
  killing: ["ended"],
  ended: [],
};

/** Why a sandbox ended: asked for, its time was over, its first process exited, or the node found it gone. */
export type EndReason = "killed" | "timeout" | "exited" | "lost";

/** A volume that a sandbox has, and where. */
export interface VolumeMount {
  volumeId: string;
  /** The volume's. */
  name: string;
  /** Absolute, inside the sandbox. */
  path: string;
}

export type JsonObject = Record<string, unknown>;

/** A sandbox as the control plane knows it. */
export interface SandboxRecord {
  id: string;
  teamId: string;
  templateId: string;
  /** UUID. */
  buildId: string;
  /** The name that the client created it by, when it was not an id. */
  alias: string | undefined;
  state: SandboxState;
  createdAtMs: number;
  startedAtMs: number;
  endAtMs: number;
  timeoutMs: number;
  cpuCount: number;
  memoryMib: number;
  diskMib: number;
  envdVersion: string;
  metadata: Record<string, string>;
  envVars: Record<string, string>;
  /** Whether envd asks for its access token. */
  secure: boolean;
  /** As asked for; undefined when the client said nothing. */
  allowInternetAccess: boolean | undefined;
  /** As asked for, in the words of the wire. */
  network: JsonObject | undefined;
  volumeMounts: VolumeMount[];
  autoPause: boolean;
  autoResume: boolean;
  isolation: string | undefined;
  driver: string | undefined;
  nodeId: string | undefined;
  /** IPv4 address on the node's host. */
  hostAddress: string | undefined;
  endReason: EndReason | undefined;
  exitCode: number | undefined;
  endedAtMs: number | undefined;
}

const optionalFlag = (value: 0 | 1 | null): boolean | undefined =>
  value === null ? undefined : fromFlag(value);

export function toRecord(row: Selectable<SandboxesTable>): SandboxRecord {
  return {
    id: row.id,
    teamId: row.team_id,
    templateId: row.template_id,
    buildId: row.build_id,
    alias: row.alias ?? undefined,
    state: row.state as SandboxState,
    createdAtMs: row.created_at,
    startedAtMs: row.started_at,
    endAtMs: row.end_at,
    timeoutMs: row.timeout_ms,
    cpuCount: row.cpu_count,
    memoryMib: row.memory_mib,
    diskMib: row.disk_mib,
    envdVersion: row.envd_version,
    metadata: JSON.parse(row.metadata) as Record<string, string>,
    envVars: JSON.parse(row.env_vars) as Record<string, string>,
    secure: fromFlag(row.secure),
    allowInternetAccess: optionalFlag(row.allow_internet_access),
    network: row.network === null ? undefined : (JSON.parse(row.network) as JsonObject),
    volumeMounts: JSON.parse(row.volume_mounts) as VolumeMount[],
    autoPause: fromFlag(row.auto_pause),
    autoResume: fromFlag(row.auto_resume),
    isolation: row.isolation ?? undefined,
    driver: row.driver ?? undefined,
    nodeId: row.node_id ?? undefined,
    hostAddress: row.host_address ?? undefined,
    endReason: (row.end_reason as EndReason | null) ?? undefined,
    exitCode: row.exit_code ?? undefined,
    endedAtMs: row.ended_at ?? undefined,
  };
}

export function toRow(record: SandboxRecord): Insertable<SandboxesTable> {
  return {
    id: record.id,
    team_id: record.teamId,
    template_id: record.templateId,
    build_id: record.buildId,
    alias: record.alias ?? null,
    state: record.state,
    created_at: record.createdAtMs,
    started_at: record.startedAtMs,
    end_at: record.endAtMs,
    timeout_ms: record.timeoutMs,
    cpu_count: record.cpuCount,
    memory_mib: record.memoryMib,
    disk_mib: record.diskMib,
    envd_version: record.envdVersion,
    metadata: JSON.stringify(record.metadata),
    env_vars: JSON.stringify(record.envVars),
    secure: toFlag(record.secure),
    allow_internet_access:
      record.allowInternetAccess === undefined ? null : toFlag(record.allowInternetAccess),
    network: record.network === undefined ? null : JSON.stringify(record.network),
    volume_mounts: JSON.stringify(record.volumeMounts),
    auto_pause: toFlag(record.autoPause),
    auto_resume: toFlag(record.autoResume),
    isolation: record.isolation ?? null,
    driver: record.driver ?? null,
    node_id: record.nodeId ?? null,
    host_address: record.hostAddress ?? null,
    end_reason: record.endReason ?? null,
    exit_code: record.exitCode ?? null,
    ended_at: record.endedAtMs ?? null,
  };
}
