import type { ServiceImpl } from "@connectrpc/connect";
import type { NodeService } from "@sandbank/protocol/gen/node_pb";
import type { VolumeService } from "@sandbank/protocol/gen/volumes_pb";
import type { SandboxDirectory } from "@sandbank/protocol/routing";
import { kernelEgress } from "./egress/kernel-egress.ts";
import { NodeEgress } from "./egress/node-egress.ts";
import { NodeTransform } from "./egress/transform/node-transform.ts";
import { openPolicy } from "@sandbank/protocol/egress-policy";
import type { NodeFacts } from "./doctor/beliefs.ts";
import { HealthWatch } from "./doctor/health-watch.ts";
import { setUpHostNetwork, tearDownHostNetwork } from "./network/host-network.ts";
import { hostResolvers } from "./network/resolvers.ts";
import { SlotPool } from "./network/slot-pool.ts";
import { nodeService } from "./node-service.ts";
import { Observer } from "./observe/observer.ts";
import type { LogEntry } from "./observe/log-entry.ts";
import type { LogQuery } from "./observe/log-query.ts";
import type { OrchestratorOptions } from "./options.ts";
import { adoptSandboxes } from "./sandbox/adopt.ts";
import { BuildCatalog } from "./sandbox/builds.ts";
import { Lifecycle } from "./sandbox/lifecycle.ts";
import { Journal } from "./sandbox/record.ts";
import { clearWithSlot } from "./sandbox/remains.ts";
import { egressSubject, type NodeSandbox, SandboxRegistry } from "./sandbox/registry.ts";
import { openVolumes } from "./volumes/volume-manager.ts";
import { volumeService } from "./volumes/volume-service.ts";

export type { LogQuery } from "./observe/log-query.ts";
export type { CreateOutcome, OrchestratorOptions } from "./options.ts";

export interface Orchestrator {
  service: ServiceImpl<typeof NodeService>;
  volumes: ServiceImpl<typeof VolumeService>;
  directory: Pick<SandboxDirectory, "lookup" | "onGone">;
  /** Network slots that wait for a sandbox. */
  readonly readySlots: number;
  /** What runs here, for the operator. */
  sandboxes(): NodeSandboxStatus[];
  /** What a sandbox said and what happened to it, also after its end; empty when nothing is kept. */
  logs(sandboxId: string, query: LogQuery): LogEntry[];
  readonly egress: EgressReport;
  /** What this process believes about the node, for doctor's comparison. */
  facts(): NodeFacts;
  /** Takes away a sandbox whose processes have ended, whether this process runs it or not. */
  clear(sandboxId: string): Promise<void>;
  /** Makes the ready slots anew: what all slots lie on was repaired. */
  renewSlots(): Promise<void>;
  /** A client's request did not reach the sandbox: it is examined, and its log says once what is wrong. */
  noticeUnreachable(sandboxId: string): void;
  /** What start found and did, for the operator. */
  started: { adopted: number; cleared: number; reclaimedSlots: number };
  /** Leaves sandboxes running for the next process. */
  close(): Promise<void>;
  /** Ends every sandbox and takes back all that this node put into the kernel. */
  tearDown(): Promise<void>;
}

/** What sandboxes wanted to reach. */
export interface EgressReport {
  /** Decisions about one, also after its end. */
  logs(sandboxId: string, query: LogQuery): Promise<LogEntry[]>;
  /** Decisions about all since the start, by `VERDICT REASON`; packets where the kernel refused. */
  readonly counts: ReadonlyMap<string, number>;
  /** Carried by the forwarder now. */
  readonly connectionCount: number;
}

const egressReport = (egress: NodeEgress, registry: SandboxRegistry): EgressReport => ({
  logs(sandboxId, query) {
    const sandbox = registry.get(sandboxId);
    return egress.decisions(sandboxId, sandbox && egressSubject(sandbox), query);
  },
  counts: egress.counts,
  get connectionCount() {
    return egress.connectionCount;
  },
});

export interface NodeSandboxStatus {
  sandboxID: string;
  templateID: string;
  isolation: string;
  driver: string;
  hostAddress: string;
  pid: number;
  startedAt: string;
}

const statusOf = ({ record, runtime, slot }: NodeSandbox): NodeSandboxStatus => ({
  sandboxID: record.sandboxId,
  templateID: record.templateId,
  isolation: record.isolation,
  driver: record.driver,
  hostAddress: slot.names.hostAddress,
  pid: runtime.pid,
  startedAt: new Date(record.startedAtMs).toISOString(),
});

/** Decisions about connections have a quarter of the room that a sandbox's log has. */
function egressParts(options: OrchestratorOptions, resolvers: string[]) {
  const { identity, logger, paths, observe } = options;
  const transform = new NodeTransform({
    authorityFile: paths.egressAuthorityFile,
    report: (decision) => egress.record(decision),
    logger,
  });
  const egress = new NodeEgress({
    identity,
    resolvers,
    logDir: observe.dir,
    maxLogBytes: observe.maxLogBytes / 4,
    interceptor: transform,
    logger,
  });
  transform.prepare();
  return { egress, transform };
}

/** Starts the node's agent: host network, sandboxes of an earlier process, ready slots. Rejects when a part can't be had. */
export async function createOrchestrator(options: OrchestratorOptions): Promise<Orchestrator> {
  const { identity, logger } = options;
  const resolvers = await hostResolvers();
  const { mtu, isNew } = await setUpHostNetwork(identity, resolvers);
  const slots = new SlotPool({
    identity,
    mtu,
    egress: kernelEgress(openPolicy, resolvers),
    size: options.slotPoolSize,
    logger,
  });
  const journal = new Journal(options.paths.sandboxesDir);
  const registry = new SandboxRegistry();
  const volumes = await openVolumes({ dir: options.paths.volumesDir, logger });
  const observer = new Observer(options.observe, registry, logger);
  const { egress, transform } = egressParts(options, resolvers);
  const builds = new BuildCatalog(options.paths);
  const context = { options, slots, journal, volumes, builds, resolvers, egress, transform };
  const lifecycle = new Lifecycle(context, registry, observer);
  await egress
    .start(() => registry.list().map(egressSubject))
    .catch(async (error: unknown) => {
      // Rules that were there before hold sandboxes of before.
      if (isNew) await tearDownHostNetwork(identity);
      throw error;
    });
  const parts = { options, slots, journal, lifecycle, registry, observer };
  const { adopted, cleared } = await adoptSandboxes({ ...parts, volumes, egress });
  const health = watchHealth(options, registry, observer);
  const reclaimedSlots = await slots.reclaim();
  slots.reclaimLater();
  // Not waited for: a create that comes before the first slot is ready makes its own.
  slots.refill();
  await observer.sweep();
  logger.info({ adopted, cleared, reclaimedSlots, driver: options.driver.name, mtu }, "node is ready");
  const closeParts = async (ended: { all: boolean }): Promise<void> => {
    health.close();
    await egress.close();
    await transform.close();
    await volumes.close(ended);
    observer.close();
    await slots.close();
  };
  return {
    service: nodeService(parts),
    volumes: volumeService(volumes),
    directory: registry,
    get readySlots() {
      return slots.readyCount;
    },
    sandboxes: () => registry.list().map((sandbox) => statusOf(sandbox)),
    logs: (sandboxId, query) => observer.logs.read(sandboxId, query),
    egress: egressReport(egress, registry),
    ...forDoctor({ ...parts, health }),
    started: { adopted, cleared, reclaimedSlots },
    async close() {
      await lifecycle.close();
      await closeParts({ all: false });
    },
    async tearDown() {
      await lifecycle.close();
      await lifecycle.killAll();
      await closeParts({ all: true });
      await tearDownHostNetwork(identity);
    },
  };
}

function watchHealth(
  options: OrchestratorOptions,
  registry: SandboxRegistry,
  { logs }: Observer,
): HealthWatch {
  const { identity, logger, healthRoundMs: roundMs } = options;
  return new HealthWatch({ identity, registry, logs, logger, roundMs });
}

interface ExaminedParts {
  options: OrchestratorOptions;
  slots: SlotPool;
  lifecycle: Lifecycle;
  registry: SandboxRegistry;
  journal: Journal;
  observer: Observer;
  health: HealthWatch;
}

/** What doctor asks of the process that owns the sandboxes, and has it do. */
function forDoctor(
  parts: ExaminedParts,
): Pick<Orchestrator, "facts" | "clear" | "renewSlots" | "noticeUnreachable"> {
  const { options, slots, lifecycle, registry, journal, observer, health } = parts;
  const { drivers, identity } = options;
  return {
    facts: () => ({
      slots: slots.usedIndices,
      sandboxes: registry.list().map(({ record }) => record.sandboxId),
      inMotion: lifecycle.inMotion,
    }),
    clear: (sandboxId) =>
      registry.get(sandboxId)
        ? lifecycle.kill(sandboxId)
        : clearWithSlot({ drivers, journal, registry, observer }, identity, sandboxId),
    renewSlots: () => slots.renew(),
    noticeUnreachable: (sandboxId) => health.notice(sandboxId),
  };
}
