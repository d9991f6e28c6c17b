import type { SandboxRecord } from "@sandbank/store/sandbox-record";
import { type ControlPlane, publish } from "../control-plane.ts";
import type { NodeEnd, NodeSandbox } from "../ports.ts";
import { repairSecrets } from "../use-cases/sandbox-secrets.ts";
import { finishEnd, recordEnd } from "../use-cases/end-sandbox.ts";
import { repairVolumes } from "../use-cases/volumes.ts";

/** How long the history of ended sandboxes is kept. */
const historyMs = 30 * 24 * 3_600_000;

interface NodeView {
  sandboxes: Map<string, NodeSandbox>;
  recentEnds: Map<string, NodeEnd>;
}

async function readNode(plane: ControlPlane): Promise<NodeView> {
  const { sandboxes, recentEnds } = await plane.node.list();
  return {
    sandboxes: new Map(sandboxes.map((sandbox) => [sandbox.sandboxId, sandbox])),
    recentEnds: new Map(recentEnds.map((end) => [end.sandboxId, end])),
  };
}

/** A create that an earlier process began and nobody waits for any more. */
async function undoCreate(plane: ControlPlane, sandboxId: string): Promise<void> {
  await plane.locks.run(sandboxId, async () => {
    const record = await plane.store.sandboxes.get(sandboxId);
    if (record?.state !== "creating") return;
    await plane.node.kill(sandboxId);
    await plane.store.sandboxes.forget(sandboxId);
  });
}

async function repairRecord(plane: ControlPlane, record: SandboxRecord, node: NodeView): Promise<void> {
  if (record.state === "killing") return finishEnd(plane, record.id);
  if (record.state === "creating") return undoCreate(plane, record.id);
  const found = node.sandboxes.get(record.id);
  if (!found) {
    const lost: NodeEnd = { sandboxId: record.id, atMs: Date.now(), kind: "lost", exitCode: undefined };
    return recordEnd(plane, node.recentEnds.get(record.id) ?? lost);
  }
  await repairSecrets(plane, record, found.secretsRevision);
  if (found.hostAddress === record.hostAddress) return undefined;
  const { hostAddress } = found;
  if (await plane.store.sandboxes.transition(record.id, "running", "running", { hostAddress })) {
    const now = await plane.store.sandboxes.get(record.id);
    if (now?.state === "running") publish(plane, now);
  }
  return undefined;
}

async function killOrphan(plane: ControlPlane, sandboxId: string): Promise<void> {
  await plane.locks.run(sandboxId, async () => {
    const record = await plane.store.sandboxes.get(sandboxId);
    if (record && record.state !== "ended") return;
    await plane.node.kill(sandboxId);
    plane.events.orphanKilled(sandboxId);
  });
}

/** Compares store and node, and repairs differences one at a time. Creates that are under way are left alone. */
export async function reconcile(plane: ControlPlane): Promise<void> {
  const attempt = async (sandboxId: string, repair: () => Promise<void>): Promise<void> => {
    if (plane.creating.has(sandboxId)) return;
    try {
      await repair();
    } catch (error) {
      plane.events.repairFailed(sandboxId, error);
    }
  };
  // The store first: what it has running by now must be in the node's list, if it lives.
  const records = await plane.store.sandboxes.inStates(["creating", "running", "killing"]);
  const settled = records.filter((record) => record.state !== "creating" || !plane.creating.has(record.id));
  const node = await readNode(plane);
  for (const record of settled) await attempt(record.id, () => repairRecord(plane, record, node));
  const known = new Set(records.map((record) => record.id));
  for (const id of node.sandboxes.keys()) {
    if (!known.has(id)) await attempt(id, () => killOrphan(plane, id));
  }
}

/** Runs `reconcile` when started, at an interval, and when asked; never two at a time. */
export class Reconciler {
  readonly #plane: ControlPlane;
  readonly #intervalMs: number;
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> | undefined;
  #prunedAtMs = 0;
  #stopped = false;

  constructor(plane: ControlPlane, intervalMs: number) {
    this.#plane = plane;
    this.#intervalMs = intervalMs;
  }

  /** One round; joins the one under way. Never rejects: failures are events. */
  async run(): Promise<void> {
    if (this.#stopped) return;
    clearTimeout(this.#timer);
    this.#round ??= this.#runRound().finally(() => {
      this.#round = undefined;
      if (!this.#stopped) this.#timer = setTimeout(() => void this.run(), this.#intervalMs);
    });
    await this.#round;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#round;
  }

  async #runRound(): Promise<void> {
    try {
      await reconcile(this.#plane);
      await repairVolumes(this.#plane);
      if (Date.now() - this.#prunedAtMs > 3_600_000) {
        this.#prunedAtMs = Date.now();
        await this.#plane.store.sandboxes.pruneEnded(this.#prunedAtMs - historyMs);
      }
    } catch (error) {
      this.#plane.events.repairFailed(undefined, error);
    }
  }
}
