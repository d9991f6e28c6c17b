import type { RuntimeDriver, RuntimeSandbox } from "@sandbank/runtime/contract";
import type { SandboxDirectory, SandboxRoute } from "@sandbank/protocol/routing";
import type { EgressSubject } from "../egress/node-egress.ts";
import type { Slot } from "../network/slot.ts";
import type { SandboxRecord } from "./record.ts";

/** A sandbox that runs on this node. */
export interface NodeSandbox {
  record: SandboxRecord;
  runtime: RuntimeSandbox;
  driver: RuntimeDriver;
  slot: Slot;
  /** Set once somebody begins to end it; everybody else waits for the same end. */
  ending?: Promise<void>;
}

export const egressSubject = ({ record, slot }: NodeSandbox): EgressSubject => ({
  sandboxId: record.sandboxId,
  slot,
});

export interface SandboxEnd {
  sandboxId: string;
  atMs: number;
  /** `killed`: asked for; `exited`: its first process ended by itself; `lost`: found gone after a restart. */
  kind: "killed" | "exited" | "lost";
  exitCode: number | undefined;
}

const maxRecentEnds = 1_000;

/** Who runs here, who ended lately, and who wants to hear of ends. */
export class SandboxRegistry implements Pick<SandboxDirectory, "lookup" | "onGone"> {
  readonly #sandboxes = new Map<string, NodeSandbox>();
  readonly #routes = new Map<string, SandboxRoute>();
  readonly #recentEnds: SandboxEnd[] = [];
  readonly #goneListeners = new Set<(sandboxId: string) => void>();
  readonly #endListeners = new Set<(end: SandboxEnd) => void>();

  add(sandbox: NodeSandbox): void {
    const { sandboxId, trafficTokenHash, maskRequestHost, httpsPorts } = sandbox.record;
    this.#sandboxes.set(sandboxId, sandbox);
    this.#routes.set(sandboxId, {
      sandboxId,
      hostAddress: sandbox.slot.names.hostAddress,
      trafficTokenHash,
      maskRequestHost,
      httpsPorts,
    });
  }

  get(sandboxId: string): NodeSandbox | undefined {
    return this.#sandboxes.get(sandboxId);
  }

  list(): NodeSandbox[] {
    return [...this.#sandboxes.values()];
  }

  get recentEnds(): readonly SandboxEnd[] {
    return this.#recentEnds;
  }

  lookup(sandboxId: string): SandboxRoute | undefined {
    return this.#routes.get(sandboxId);
  }

  /** No new traffic, and open streams are cut: called as soon as a sandbox begins to end. */
  unroute(sandboxId: string): void {
    if (!this.#routes.delete(sandboxId)) return;
    for (const listener of this.#goneListeners) listener(sandboxId);
  }

  /** The sandbox has ended and nothing of it is left. */
  remove(end: SandboxEnd): void {
    this.unroute(end.sandboxId);
    this.#sandboxes.delete(end.sandboxId);
    this.#recentEnds.push(end);
    if (this.#recentEnds.length > maxRecentEnds) this.#recentEnds.shift();
    for (const listener of this.#endListeners) listener(end);
  }

  onGone(listener: (sandboxId: string) => void): () => void {
    this.#goneListeners.add(listener);
    return () => this.#goneListeners.delete(listener);
  }

  onEnd(listener: (end: SandboxEnd) => void): () => void {
    this.#endListeners.add(listener);
    return () => this.#endListeners.delete(listener);
  }
}
