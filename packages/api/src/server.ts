import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { FastifyInstance } from "fastify";
import { AppError, errorText } from "@sandbank/core/errors";
import { KeyedLock } from "@sandbank/core/keyed-lock";
import { type Logger, silentLogger } from "@sandbank/core/logger";
import type { BuildManifest } from "@sandbank/protocol/build-manifest";
import type { SandboxDirectory } from "@sandbank/protocol/routing";
import {
  envdAccessToken,
  hashToken,
  readVolumeToken,
  trafficAccessToken,
  volumeToken,
} from "@sandbank/protocol/tokens";
import type { Store } from "@sandbank/store/store";
import type { TeamLimits } from "@sandbank/store/teams";
import type { AuditLog } from "./audit.ts";
import { Evictor } from "./background/evictor.ts";
import { NodeWatcher } from "./background/node-watcher.ts";
import { Reconciler } from "./background/reconciler.ts";
import { type ControlPlane, publish } from "./control-plane.ts";
import { type EventName, Events } from "./events.ts";
import { createHttpServer } from "./http/http-server.ts";
import { type NodeClient, nodePort } from "./node-client.ts";
import { type RunningSandbox, RunningSandboxes } from "./running-sandboxes.ts";
import { type RegisterBuildOptions, ensureDefaultTeamAndKey, registerBuild } from "./use-cases/bootstrap.ts";
import { findBuild, type FoundBuild } from "./use-cases/find-build.ts";
import { SecretBox } from "./secret-box.ts";
import { Nodes } from "./use-cases/nodes.ts";
import { Tenants } from "./use-cases/tenants.ts";
import { reportUnknownVolumes } from "./use-cases/volumes.ts";
import { type VolumeClient, volumePort } from "./volume-client.ts";

/** Limits of a team unless told otherwise. */
export const defaultLimits: TeamLimits = {
  maxSandboxes: 20,
  maxCpuCount: Number.POSITIVE_INFINITY,
  maxMemoryMib: Number.POSITIVE_INFINITY,
  maxDiskMib: Number.POSITIVE_INFINITY,
  maxVolumes: 100,
  maxVolumesMib: Number.POSITIVE_INFINITY,
  volumeMib: 10_240,
  maxLengthMs: 24 * 3_600_000,
  maxRequestsPerSec: 1_000,
  maxKeyRequestsPerSec: 1_000,
};
const defaultReconcileIntervalMs = 5_000;
/** Between two looks for connections that have become idle since the server closed. */
const idleSweepMs = 50;

export interface ApiOptions {
  /** Stays the caller's: close it after the API. */
  store: Store;
  node: NodeClient;
  /** The same node's volumes. */
  volumes: VolumeClient;
  /** Secret that sandbox tokens are derived from; must stay the same over restarts. */
  tokenSeed: string;
  /** 64 hex digits that the values of secrets are encrypted with; must stay the same over restarts. */
  secretsKey: string;
  /** What an operator sends in `X-Admin-Token`; without it nobody is the operator. */
  adminToken?: string;
  /** Sent to clients as the domain of sandbox host names, port included; null leaves it to their configuration. */
  domain: string | null;
  logger?: Logger;
  /** Told about everything that changes something. */
  audit?: AuditLog;
  /** What teams without limits of their own get, where it differs from `defaultLimits`. */
  limits?: Partial<TeamLimits>;
  /** Pause between two comparisons of store and node. */
  reconcileIntervalMs?: number;
}

/** The control plane of one deployment. */
export interface Api {
  /** For whoever adds TLS. */
  readonly server: Server;
  /** For the edge: where running sandboxes are reached, without I/O. */
  readonly directory: SandboxDirectory;
  /** Events since the start, by name. */
  readonly eventCounts: Readonly<Partial<Record<EventName, number>>>;
  listRunning(): RunningSandbox[];
  /** What an operator does to teams and their keys. */
  readonly tenants: Tenants;
  /** Makes sure of the default team and that `known` is one of its keys; else returns the text of a new one. */
  ensureDefaultTeamAndKey(known?: string): Promise<string | undefined>;
  /** Enters a finished build of the default team; repeating it changes nothing. */
  registerBuild(manifest: BuildManifest, options: RegisterBuildOptions): Promise<void>;
  /** A build by `[namespace/]name[:tag]`, template id, or the beginning of its own id, whoever owns it. */
  findBuild(reference: string): Promise<FoundBuild>;
  /** Compares store and node now. */
  reconcile(): Promise<void>;
  /** Port 0 takes a free one. Rejects with `failed_precondition` naming the address when it can't be bound. */
  listen(address: { host: string; port: number }): Promise<{ port: number }>;
  /** Finishes requests and creates under way, then stops. Sandboxes go on running. */
  close(): Promise<void>;
}

function buildPlane(options: ApiOptions, logger: Logger): ControlPlane {
  const limits = { ...defaultLimits, ...options.limits };
  const { store, adminToken } = options;
  const node = nodePort(options.node);
  return {
    store,
    node,
    volumes: volumePort(options.volumes),
    running: new RunningSandboxes(),
    locks: new KeyedLock(),
    creating: new Map(),
    tokens: {
      envd: (sandboxId) => envdAccessToken(options.tokenSeed, sandboxId),
      traffic: (sandboxId) => trafficAccessToken(options.tokenSeed, sandboxId),
      volume: (claims) => volumeToken(options.tokenSeed, claims),
      readVolume: (token) => readVolumeToken(options.tokenSeed, token),
    },
    events: new Events(logger, options.audit),
    limits,
    secretBox: new SecretBox(options.secretsKey),
    tenants: new Tenants(store, limits),
    nodes: new Nodes(node, store.nodes, store.sandboxes),
    adminTokenHash: adminToken === undefined ? undefined : hashToken(adminToken),
    domain: options.domain,
  };
}

/**
 * Takes up what an earlier process left: sandboxes that run are known again before this resolves, and what differs
 * between store and node is repaired. A node that does not answer is no obstacle; it is asked again.
 */
export async function createApi(options: ApiOptions): Promise<Api> {
  const logger = options.logger ?? silentLogger;
  const plane = buildPlane(options, logger);
  for (const record of await options.store.sandboxes.inStates(["running"])) publish(plane, record);
  await plane.nodes.load();
  let draining = false;
  const http = await createHttpServer(plane, { logger, audit: options.audit, isDraining: () => draining });
  const watcher = new NodeWatcher(plane);
  const reconciler = new Reconciler(plane, options.reconcileIntervalMs ?? defaultReconcileIntervalMs);
  const evictor = new Evictor(plane);
  watcher.start();
  await reconciler.run();
  await reportUnknownVolumes(plane);
  evictor.start();
  return {
    server: http.server,
    directory: plane.running,
    eventCounts: plane.events.counts,
    listRunning: () => plane.running.list(),
    tenants: plane.tenants,
    ensureDefaultTeamAndKey: (known) => ensureDefaultTeamAndKey(options.store, known),
    registerBuild: (manifest, registration) => registerBuild(options.store, manifest, registration),
    findBuild: (reference) => findBuild(options.store, reference),
    reconcile: () => reconciler.run(),
    async listen(address) {
      try {
        await http.listen(address);
      } catch (error) {
        throw new AppError({
          code: "failed_precondition",
          message: `the API can't listen on ${address.host}:${address.port}: ${errorText(error)}`,
          cause: error,
        });
      }
      return { port: (http.server.address() as AddressInfo).port };
    },
    async close() {
      draining = true;
      await closeServer(http);
      // A client that gave up leaves its create running; nothing may go on when the caller closes the store.
      await Promise.allSettled(plane.creating.values());
      await Promise.all([evictor.stop(), watcher.stop(), reconciler.stop()]);
    },
  };
}

/** Clients keep connections open between requests: one that was busy when the server closed ends once it is idle. */
async function closeServer(http: FastifyInstance): Promise<void> {
  const sweep = setInterval(() => http.server.closeIdleConnections(), idleSweepMs);
  try {
    await http.close();
  } finally {
    clearInterval(sweep);
  }
}
