import { AppError } from "@sandbank/core/errors";
import type { NodeStore, WantedNodeStatus } from "@sandbank/store/nodes";
import type { SandboxStore } from "@sandbank/store/sandboxes";
import type { NodePort } from "../ports.ts";

/** A node and what is recorded on it. */
export interface NodeState {
  id: string;
  version: string;
  isolation: string;
  driver: string;
  /** `unhealthy` when it does not answer. */
  status: WantedNodeStatus | "unhealthy";
  sandboxIds: string[];
  /** Starts that are under way. */
  startingCount: number;
  /** Promised to its sandboxes. */
  allocatedCpuCount: number;
  allocatedMemoryMib: number;
  allocatedDiskMib: number;
}

/** The nodes of this deployment, and which of them take new sandboxes. What operators set outlives restarts. */
export class Nodes {
  readonly #node: NodePort;
  readonly #store: NodeStore;
  readonly #sandboxes: SandboxStore;
  #statuses = new Map<string, WantedNodeStatus>();

  constructor(node: NodePort, store: NodeStore, sandboxes: SandboxStore) {
    this.#node = node;
    this.#store = store;
    this.#sandboxes = sandboxes;
  }

  /** Reads what operators set. */
  async load(): Promise<void> {
    this.#statuses = await this.#store.statuses();
  }

  /** Without I/O once the node has answered; a node that never did is not draining. */
  async isDraining(): Promise<boolean> {
    if (![...this.#statuses.values()].includes("draining")) return false;
    const info = await this.#node.info().catch(() => undefined);
    return info !== undefined && this.#statuses.get(info.nodeId) === "draining";
  }

  /** Rejects with `unavailable` when no node takes new sandboxes. */
  async assertPlacement(): Promise<void> {
    if (!(await this.isDraining())) return;
    throw new AppError({
      code: "unavailable",
      reason: "sandbox_no_compatible_node",
      message:
        "No node takes new sandboxes: the only one is draining, until an operator sets it back to ready",
    });
  }

  async list(): Promise<NodeState[]> {
    return [await this.#state()];
  }

  /** Rejects with `not_found`. */
  async get(id: string): Promise<NodeState> {
    const state = await this.#state();
    if (state.id !== id) throw nodeNotFound(id);
    return state;
  }

  /** Rejects with `not_found`. Sandboxes that run go on either way. */
  async setStatus(id: string, status: WantedNodeStatus): Promise<void> {
    if ((await this.#node.info()).nodeId !== id) throw nodeNotFound(id);
    await this.#store.setStatus(id, status);
    this.#statuses.set(id, status);
  }

  async #state(): Promise<NodeState> {
    const { nodeId, version, isolation, driver } = await this.#node.info();
    const listed = await this.#node.list().catch(() => undefined);
    const records = await this.#sandboxes.inStates(["creating", "running", "killing"]);
    const sum = (value: (record: (typeof records)[number]) => number): number =>
      records.reduce((total, record) => total + value(record), 0);
    return {
      id: nodeId,
      version,
      isolation,
      driver,
      status: listed ? (this.#statuses.get(nodeId) ?? "ready") : "unhealthy",
      sandboxIds: (listed?.sandboxes ?? []).map((sandbox) => sandbox.sandboxId),
      startingCount: records.filter((record) => record.state === "creating").length,
      allocatedCpuCount: sum((record) => record.cpuCount),
      allocatedMemoryMib: sum((record) => record.memoryMib),
      allocatedDiskMib: sum((record) => record.diskMib),
    };
  }
}

const nodeNotFound = (id: string): AppError =>
  new AppError({ code: "not_found", message: `Node "${id}" was not found` });
