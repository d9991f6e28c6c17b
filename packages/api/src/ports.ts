import type { EgressPolicy } from "@sandbank/protocol/egress-policy";

/** What the use-cases need of a node; adapters speak its RPC. Errors are AppErrors as the node made them. */
export interface NodePort {
  info(): Promise<NodeInfo>;
  /** Resolves when the sandbox's daemon answers; rejects with the failing layer as the error's reason. */
  create(config: NodeSandboxConfig): Promise<NodeSandbox>;
  /** Resolves when the policy is in force. Rejects with `not_found`, or `invalid_argument` when its proxy can't be used. */
  setEgress(sandboxId: string, policy: EgressPolicy, change: NodeEgressChange): Promise<void>;
  /** Resolves when requests get these values. Rejects with `not_found`. */
  setSecrets(sandboxId: string, secrets: NodeSecrets): Promise<void>;
  /** Resolves when nothing of the sandbox is left, also when there was nothing. */
  kill(sandboxId: string): Promise<void>;
  list(): Promise<{ sandboxes: NodeSandbox[]; recentEnds: NodeEnd[] }>;
  /** What is kept of a sandbox's log, also after its end; empty when nothing is. */
  logs(sandboxId: string, query: NodeLogQuery): Promise<NodeLogEntry[]>;
  /** What is kept of a sandbox's samples, oldest first; empty when nothing is. Absent times bound nothing. */
  metrics(sandboxId: string, startMs: number | undefined, endMs: number | undefined): Promise<NodeMetric[]>;
  /** The newest samples of those that run and have one, by id. */
  newestMetrics(sandboxIds: string[]): Promise<Record<string, NodeMetric>>;
  /** Ends of sandboxes from now on, until `signal` aborts or the connection breaks. */
  watchEnds(signal: AbortSignal): AsyncIterable<NodeEnd>;
}

/** What comes with a policy. */
export interface NodeEgressChange {
  /** Of what its rules refer to; undefined when they refer to nothing. */
  secrets: NodeSecrets | undefined;
  envdAccessToken: string | undefined;
}

/** Values of stored secrets, which a node keeps in memory only. */
export interface NodeSecrets {
  /** Names this state of them. */
  revision: string;
  /** By lower-case name. */
  values: Record<string, string>;
}

export interface NodeInfo {
  nodeId: string;
  version: string;
  isolation: string;
  driver: string;
}

export interface NodeSandboxConfig {
  sandboxId: string;
  templateId: string;
  buildId: string;
  cpuCount: number;
  memoryMib: number;
  diskMib: number;
  envVars: Record<string, string>;
  envdAccessToken: string | undefined;
  trafficAccessToken: string | undefined;
  egress: EgressPolicy;
  maskRequestHost?: string | undefined;
  httpsPorts?: number[] | undefined;
  secrets: NodeSecrets | undefined;
  volumeMounts: { volumeId: string; path: string }[];
}

export interface NodeSandbox {
  sandboxId: string;
  isolation: string;
  driver: string;
  /** IPv4 address on the node's host. */
  hostAddress: string;
  /** Of the secrets that the node has for it; empty when it has none. */
  secretsRevision: string;
}

export interface NodeLogQuery {
  /** Forward: entries from there on, oldest first. Backward: entries up to there, newest first. */
  cursorMs?: number | undefined;
  direction: "forward" | "backward";
  limit: number;
  /** Least level. */
  level?: LogLevel | undefined;
  /** Part of the message, case-sensitive. */
  search?: string | undefined;
}

export type LogLevel = "debug" | "info" | "warn" | "error";

export interface NodeLogEntry {
  atMs: number;
  level: LogLevel;
  /** node, envd, process or console. */
  logger: string;
  message: string;
  fields: Record<string, string>;
}

/** Memory and disk in bytes; CPU as 0 to 100 of all the sandbox's CPUs. */
export interface NodeMetric {
  atMs: number;
  cpuCount: number;
  cpuUsedPct: number;
  memoryUsed: number;
  memoryTotal: number;
  memoryCache: number;
  diskUsed: number;
  diskTotal: number;
}

export interface NodeEnd {
  sandboxId: string;
  atMs: number;
  kind: "killed" | "exited" | "lost";
  exitCode: number | undefined;
}
