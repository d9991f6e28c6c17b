import type { SandboxReport } from "./report.ts";

/** What the running service holds in memory about this node. */
export interface NodeFacts {
  /** Numbers of slots in use, in the pool, being made or being removed. */
  slots: number[];
  /** Sandboxes that it runs. */
  sandboxes: string[];
  /** Creates under way, and sandboxes that are being taken down. */
  inMotion: string[];
}

/** What the store has about a sandbox that it takes for existing. */
export interface StoredSandbox {
  sandboxId: string;
  state: string;
  isolation: string;
}

export interface Beliefs {
  /** Undefined: no service could be asked. */
  facts: NodeFacts | undefined;
  /** Undefined: the store could not be asked. */
  stored: StoredSandbox[] | undefined;
}

/** Sandboxes that works, but that somebody who should know of it does not: the same report, degraded. */
export function compareBeliefs(report: SandboxReport, { facts, stored }: Beliefs): SandboxReport {
  if (report.verdict !== "healthy") return report;
  const id = report.sandboxID;
  const state = stored?.find(({ sandboxId }) => sandboxId === id)?.state;
  const doubts = [
    ...(facts && !facts.sandboxes.includes(id)
      ? ["the service does not have it, the journal and the kernel do"]
      : []),
    ...(stored && state !== "running" ? [`the store has it as ${state ?? "unknown"}, the node runs it`] : []),
  ];
  if (doubts.length === 0) return report;
  return {
    ...report,
    verdict: "degraded",
    evidence: doubts.join("; "),
    meaning:
      "store, journal and kernel disagree about the sandbox; the service ends what the store does not know",
    remedy: "wait some seconds for the service to settle it; when it stays, restart it: sandbank up --detach",
  };
}

/** A sandbox that the store takes for running and of which this node has nothing. */
export const missingReport = ({ sandboxId, isolation, state }: StoredSandbox): SandboxReport => ({
  sandboxID: sandboxId,
  isolation,
  verdict: "broken",
  layer: "envd",
  evidence: `the store has it as ${state}; there is no journal, device or process of it on this node`,
  meaning: "the sandbox is gone, and the store was not told",
  remedy: "a running service records its end within seconds: sandbank up --detach",
  layers: [],
});
