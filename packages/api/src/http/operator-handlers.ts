import type { components } from "@sandbank/protocol/gen/openapi";
import type { ControlPlane } from "../control-plane.ts";
import type { NodeState } from "../use-cases/nodes.ts";
import { killTeamSandboxes, runningCounts } from "../use-cases/team-sandboxes.ts";
import { createdKeyView } from "./key-views.ts";
import type { Handlers } from "./operation-types.ts";

type Schemas = components["schemas"];

/** There is one cluster, and E2B's clients want an id of it. */
const clusterId = "00000000-0000-0000-0000-000000000000";
const mib = 1024 * 1024;

function nodeView(plane: ControlPlane, node: NodeState): Schemas["Node"] {
  const { counts } = plane.events;
  return {
    id: node.id,
    nodeID: node.id,
    clusterID: clusterId,
    serviceInstanceID: node.id,
    version: node.version,
    commit: "",
    status: node.status,
    sandboxCount: node.sandboxIds.length,
    sandboxStartingCount: node.startingCount,
    createSuccesses: counts.sandbox_created ?? 0,
    createFails: counts.sandbox_create_failed ?? 0,
    isolation: node.isolation,
    driver: node.driver,
    metrics: {
      allocatedCPU: node.allocatedCpuCount,
      allocatedMemoryBytes: node.allocatedMemoryMib * mib,
      allocatedDiskBytes: node.allocatedDiskMib * mib,
    },
  };
}

/** Handlers of what only an operator may ask. */
export function operatorHandlers(plane: ControlPlane): Handlers {
  const { nodes, tenants } = plane;
  return {
    async listNodes() {
      return { status: 200, body: (await nodes.list()).map((node) => nodeView(plane, node)) };
    },
    async getNode({ path }) {
      const node = await nodes.get(path.nodeID);
      return { status: 200, body: { ...nodeView(plane, node), sandboxIDs: node.sandboxIds } };
    },
    async setNodeStatus({ path, body }) {
      await nodes.setStatus(path.nodeID, body.status);
      return { status: 204, body: undefined };
    },
    async killTeamSandboxes({ path }) {
      const { id } = await tenants.team(path.teamID);
      return { status: 200, body: await killTeamSandboxes(plane, id) };
    },
    async countRunningSandboxes() {
      return { status: 200, body: await runningCounts(plane) };
    },
    async createTeamApiKey({ path, body }) {
      const { id } = await tenants.team(path.teamID);
      const { key, record } = await tenants.createKey(id, body.name);
      return { status: 201, body: createdKeyView(key, record) };
    },
    async deleteTeamApiKey({ path }) {
      const { id } = await tenants.team(path.teamID);
      await tenants.revokeKey(id, path.apiKeyID);
      return { status: 204, body: undefined };
    },
  };
}
