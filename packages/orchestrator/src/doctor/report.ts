/** The way to a sandbox, bottom-up. */
export const layerNames = [
  "device",
  "link",
  "carrier",
  "address",
  "route",
  "port",
  "envd",
  "command",
  "proxy",
] as const;
export type LayerName = (typeof layerNames)[number];

/** `degraded`: works, but not as it should. `broken`: does not do what it is for. */
export type Verdict = "healthy" | "degraded" | "broken";

export interface LayerResult {
  layer: LayerName;
  ok: boolean;
  ms: number;
  /** What was read. */
  evidence: string;
}

/** Contract: spec/doctor.schema.json. */
export interface SandboxReport {
  sandboxID: string;
  isolation: string;
  verdict: Verdict;
  /** The first one that is not as it should be; null when all are. */
  layer: LayerName | null;
  evidence: string;
  meaning: string | null;
  remedy: string | null;
  /** Those that were examined, in order; the last one is the broken one. */
  layers: LayerResult[];
}

export type OrphanKind = "netns" | "veth" | "tap" | "mount" | "loop" | "cgroup" | "process" | "zombie";

/** Something in the kernel that belongs to no sandbox of this cloud although it carries the cloud's name. */
export interface Orphan {
  kind: OrphanKind;
  /** What `--fix` takes it by. */
  name: string;
  evidence: string;
  remedy: string;
}

/** What a node holds, good and bad. */
export interface NodeReport {
  sandboxes: SandboxReport[];
  orphans: Orphan[];
}

/** One thing that was repaired, or could not be. */
export interface Fix {
  /** Sandbox id, or name of the leaked resource. */
  target: string;
  /** Whether it is as it should be now. */
  ok: boolean;
  /** What was done, step by step. */
  did: string[];
}

const severity: Record<Verdict, number> = { healthy: 0, degraded: 1, broken: 2 };

export const worst = (verdicts: Verdict[]): Verdict =>
  verdicts.reduce((left, right) => (severity[right] > severity[left] ? right : left), "healthy" as Verdict);

/** 0 healthy, 1 degraded, 2 broken. */
export const exitCodeOf = (verdict: Verdict): number => severity[verdict];
