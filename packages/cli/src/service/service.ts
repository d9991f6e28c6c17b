import { chmod, mkdir } from "node:fs/promises";
import { createClient, createRouterTransport } from "@connectrpc/connect";
import { type Api, createApi } from "@sandbank/api/server";
import { errorText } from "@sandbank/core/errors";
import type { HeldName } from "@sandbank/linux/held-name";
import { createOrchestrator, type Orchestrator } from "@sandbank/orchestrator/orchestrator";
import { withDirectStreams } from "@sandbank/protocol/direct-streams";
import { NodeService } from "@sandbank/protocol/gen/node_pb";
import { createProxy, type Proxy } from "@sandbank/proxy/server";
import { VolumeService } from "@sandbank/protocol/gen/volumes_pb";
import { chooseDriver, createDrivers } from "@sandbank/runtime/drivers";
import { openStore, type Store } from "@sandbank/store/store";
import type { Config } from "../config/env.ts";
import { pathsOf, type Paths } from "../config/paths.ts";
import type { Prepared } from "../prepare/prepare.ts";
import { version } from "../version.ts";
import { type AdminHandlers, type SandboxStatus, startAdminServer } from "./admin-server.ts";
import { AuditFile } from "./audit-log.ts";
import { openDebugSandbox } from "./debug-sandbox.ts";
import { doctorRoutes } from "./doctor-routes.ts";
import { type Ipv6Loopback, listenOnIpv6 } from "./ipv6-loopback.ts";
import { openLog } from "./logger.ts";
import { audited, observeRoutes } from "./observe-routes.ts";
import { holdTag } from "./own-tag.ts";
import { ServiceMetrics } from "./prometheus.ts";
import { driversOptions, type NodeParts, orchestratorOptions } from "./orchestrator-options.ts";
import { templateRoutes } from "./template-routes.ts";
import { tenancyRoutes } from "./tenancy-routes.ts";
import { startTls, type Tls } from "./tls.ts";
import { lastingSecret, readSecret, writeSecret } from "./secrets.ts";

/** How long requests under way may take to finish at shutdown (ms). */
const graceMs = 5_000;

/** `down` also ends every sandbox and takes everything back; `stop` leaves sandboxes to the next process. */
type ShutdownMode = "down" | "stop";

/** One cloud in one process: node agent, control plane, edge, admin socket. */
export interface Service {
  /** Resolves with how it was asked to end when it has ended; rejects when ending failed. */
  readonly ended: Promise<ShutdownMode>;
  /** Ctrl-C takes everything down; SIGTERM and a closed terminal leave sandboxes to the next process. */
  handleSignals(): void;
  /** Ends it, if nobody has begun to, and returns when it has ended. */
  end(mode: ShutdownMode): Promise<void>;
}

type Made = NodeParts & { prepared: Prepared; audit: AuditFile; metrics: ServiceMetrics };

interface Parts {
  store: Store;
  orchestrator: Orchestrator;
  api: Api;
  proxy: Proxy;
  tls: Tls | undefined;
  onIpv6: Ipv6Loopback[];
}

/** Starts everything and returns when it answers. On failure what was started is stopped again. */
export async function startService(config: Config, prepared: Prepared): Promise<Service> {
  const heldTag = await holdTag(config.tag);
  try {
    return await startHeld(config, prepared, heldTag);
  } catch (error) {
    heldTag.release();
    throw error;
  }
}

async function startHeld(config: Config, prepared: Prepared, heldTag: HeldName): Promise<Service> {
  const paths = pathsOf(config);
  // Others may pass through, to their own sandbox's files, and see nothing on the way.
  for (const dir of [config.stateDir, config.runDir]) {
    await mkdir(dir, { recursive: true });
    await chmod(dir, 0o711);
  }
  const logger = openLog(paths.logFile, config.logLevel);
  const drivers = createDrivers(driversOptions(config, paths, prepared.runsc.path, logger));
  const { driver, tried } = await chooseDriver(drivers, config.isolation);
  logger.info({ tried, chosen: driver.name }, "isolation chosen");
  const audit = new AuditFile(paths.auditFile, logger);
  const metrics = new ServiceMetrics();
  const { onCreate } = metrics;
  const made = { prepared, drivers, driver, logger, onCreate, audit, metrics };
  const parts = await startParts(config, paths, made);
  const shutdown = new Shutdown(parts, heldTag, logger);
  try {
    await listen({ config, paths, made, parts, shutdown });
    await startAdmin({ config, paths, made, parts, shutdown });
  } catch (error) {
    // A failure of the end itself is in the log; what the user needs to know is why there was one.
    await shutdown.end("stop").catch(() => undefined);
    throw error;
  }
  logger.info({ version, pid: process.pid }, "service is ready");
  return {
    ended: shutdown.ended,
    handleSignals: () => shutdown.handleSignals(),
    end: (mode) => shutdown.end(mode),
  };
}

interface Starting {
  config: Config;
  paths: Paths;
  made: Made;
  parts: Parts;
  shutdown: Shutdown;
}

/** Opens every port but the admin socket: whoever is answered there takes the service for ready. */
async function listen({ config, paths, made, parts, shutdown }: Starting): Promise<void> {
  const { bindAddress: host, tls, metricsPort } = config;
  if (tls) parts.tls = await startTls({ ...config, tls }, paths, parts, made.logger);
  await parts.api.listen({ host, port: config.apiPort });
  await parts.proxy.listen({ host, port: config.proxyPort });
  parts.onIpv6 = await listenOnIpv6(config, parts, made.logger);
  if (metricsPort === undefined) return;
  const server = await made.metrics.listen(metricsPort);
  shutdown.onBegin(() => server.close());
}

async function startAdmin({ config, paths, made, parts, shutdown }: Starting): Promise<void> {
  const { driver, drivers, audit, metrics, logger, prepared } = made;
  const startedAt = new Date().toISOString();
  const handlers: AdminHandlers = {
    status: async () => ({
      pid: process.pid,
      version,
      isolation: driver.isolation,
      driver: driver.name,
      apiUrl: `http://${config.bindAddress}:${config.apiPort}`,
      proxyUrl: `http://${config.bindAddress}:${config.proxyPort}`,
      ...(parts.tls ? { tls: parts.tls.status() } : {}),
      domain: config.domain,
      startedAt,
      sandboxCount: parts.orchestrator.sandboxes().length,
    }),
    sandboxes: () => sandboxStatuses(parts),
    metrics: () => metrics.read(),
    shutdown(mode) {
      audit.write({ actor: { kind: "admin" }, action: `service_${mode}`, outcome: "done" });
      shutdown.begin(mode);
    },
  };
  const tokenSeed = await lastingSecret(paths.seedFile);
  const examined = { config, paths, drivers, isolation: driver.isolation, tokenSeed, ...parts };
  const own = [
    ...tenancyRoutes(parts.api.tenants),
    ...observeRoutes(parts.orchestrator),
    ...templateRoutes(parts.api, prepared.envd),
    ...doctorRoutes(examined),
  ];
  const routes = audited(own, audit);
  const admin = await startAdminServer(paths.adminSocket, handlers, routes, logger);
  shutdown.onBegin(() => admin.close());
}

async function startParts(config: Config, paths: Paths, made: Made): Promise<Parts> {
  const { logger, prepared } = made;
  const store = await openStore({ path: paths.database });
  const orchestrator = await createOrchestrator(orchestratorOptions(config, paths, made));
  // Control plane and node meet at node.proto also inside one process.
  const transport = createRouterTransport(({ service }) => {
    service(NodeService, orchestrator.service);
    service(VolumeService, orchestrator.volumes);
  });
  const api = await createApi({
    store,
    node: createClient(NodeService, transport),
    volumes: createClient(VolumeService, withDirectStreams(transport, VolumeService, orchestrator.volumes)),
    tokenSeed: await lastingSecret(paths.seedFile),
    secretsKey: await lastingSecret(paths.secretsKeyFile),
    adminToken: await lastingSecret(paths.adminTokenFile),
    domain: config.domain,
    logger,
    audit: made.audit,
    limits: config.limits,
  });
  const newKey = await api.ensureDefaultTeamAndKey(await readSecret(paths.apiKeyFile));
  if (newKey) await writeSecret(paths.apiKeyFile, newKey);
  await api.registerBuild(prepared.base, { names: ["base"] });
  const proxy = createProxy({
    directory: {
      lookup: (sandboxId) => orchestrator.directory.lookup(sandboxId),
      onGone: (listener) => orchestrator.directory.onGone(listener),
      findBySignature: (access, signature) => api.directory.findBySignature(access, signature),
    },
    logger,
    maxConnectionsPerSandbox: config.maxConnectionsPerSandbox,
    openDebugSandbox: openDebugSandbox(config, paths, api, logger),
    onRequest: made.metrics.onRequest,
    onUnreachable: (sandboxId) => orchestrator.noticeUnreachable(sandboxId),
  });
  made.metrics.watch({ api, orchestrator, proxy });
  return { store, orchestrator, api, proxy, tls: undefined, onIpv6: [] };
}

async function sandboxStatuses({ api, orchestrator, store }: Parts): Promise<SandboxStatus[]> {
  const records = new Map((await store.sandboxes.inStates(["running"])).map((record) => [record.id, record]));
  const ends = new Map(api.listRunning().map((running) => [running.route.sandboxId, running.endAtMs]));
  return orchestrator.sandboxes().map((sandbox) => ({
    ...sandbox,
    state: ends.has(sandbox.sandboxID) ? "running" : "unknown to the control plane",
    templateID: records.get(sandbox.sandboxID)?.templateId ?? sandbox.templateID,
    endAt: new Date(ends.get(sandbox.sandboxID) ?? 0).toISOString(),
  }));
}

/** The one way to end, whoever asks for it. */
class Shutdown {
  readonly ended: Promise<ShutdownMode>;
  readonly #parts: Parts;
  readonly #heldTag: HeldName;
  readonly #logger: ReturnType<typeof openLog>;
  readonly #end = Promise.withResolvers<ShutdownMode>();
  readonly #listeners: (() => void)[] = [];
  #begun = false;

  constructor(parts: Parts, heldTag: HeldName, logger: ReturnType<typeof openLog>) {
    this.#parts = parts;
    this.#heldTag = heldTag;
    this.#logger = logger;
    this.ended = this.#end.promise;
  }

  onBegin(listener: () => void): void {
    this.#listeners.push(listener);
  }

  handleSignals(): void {
    process.on("SIGINT", () => this.begin("down"));
    process.on("SIGTERM", () => this.begin("stop"));
    process.on("SIGHUP", () => this.begin("stop"));
  }

  async end(mode: ShutdownMode): Promise<void> {
    this.begin(mode);
    await this.ended;
  }

  begin(mode: ShutdownMode): void {
    if (this.#begun) return;
    this.#begun = true;
    this.#logger.info({ mode }, "service is ending");
    this.#run(mode).then(this.#end.resolve, (error: unknown) => {
      this.#logger.error({ error: errorText(error) }, "service did not end cleanly");
      this.#end.reject(error);
    });
  }

  async #run(mode: ShutdownMode): Promise<ShutdownMode> {
    const { store, orchestrator, api, proxy, tls, onIpv6 } = this.#parts;
    for (const listener of this.#listeners) listener();
    const grace = { graceMs: mode === "down" ? 0 : graceMs };
    tls?.close(grace);
    await Promise.all([proxy.close(grace), api.close(), ...onIpv6.map((listener) => listener.close(grace))]);
    await (mode === "down" ? orchestrator.tearDown() : orchestrator.close());
    await store.close();
    this.#heldTag.release();
    this.#logger.flush();
    return mode;
  }
}
