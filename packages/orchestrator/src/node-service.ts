import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import { AppError } from "@sandbank/core/errors";
import { toConnectError } from "@sandbank/protocol/connect-error";
import { fromEgressMessage } from "@sandbank/protocol/egress-message";
import {
  type NodeService,
  type Sandbox,
  type SandboxEvent,
  SandboxEventSchema,
  SandboxSchema,
} from "@sandbank/protocol/gen/node_pb";
import { observeService } from "./observe/observe-service.ts";
import type { Observer } from "./observe/observer.ts";
import type { OrchestratorOptions } from "./options.ts";
import type { Lifecycle } from "./sandbox/lifecycle.ts";
import type { NodeSandbox, SandboxEnd, SandboxRegistry } from "./sandbox/registry.ts";

export interface NodeServiceParts {
  options: OrchestratorOptions;
  lifecycle: Lifecycle;
  registry: SandboxRegistry;
  observer: Observer;
}

/** node.proto over the lifecycle; errors leave as Connect errors with their reason and detail. */
export function nodeService({
  options,
  lifecycle,
  registry,
  observer,
}: NodeServiceParts): ServiceImpl<typeof NodeService> {
  return {
    ...observeService(observer),
    getNode: () => ({
      nodeId: options.nodeId,
      isolation: options.driver.isolation,
      driver: options.driver.name,
      version: options.version,
      sandboxCount: registry.list().length,
    }),
    createSandbox: (request) =>
      translated(async () => {
        if (!request.config) throw new AppError({ code: "invalid_argument", message: "config is missing" });
        const { sandbox, phases } = await lifecycle.create(request.config);
        return { sandbox: sandboxMessage(sandbox, lifecycle), phases };
      }),
    killSandbox: (request) =>
      translated(async () => {
        await lifecycle.kill(request.sandboxId);
        return {};
      }),
    setEgress: (request) =>
      translated(async () => {
        if (!request.policy) throw new AppError({ code: "invalid_argument", message: "policy is missing" });
        const { sandboxId, policy, ...change } = request;
        await lifecycle.setEgress(sandboxId, fromEgressMessage(policy), change);
        return {};
      }),
    setSecrets: (request) =>
      translated(async () => {
        await lifecycle.setSecrets(request.sandboxId, request.secrets);
        return {};
      }),
    listSandboxes: () => ({
      sandboxes: registry
        .list()
        .filter((sandbox) => !sandbox.ending)
        .map((sandbox) => sandboxMessage(sandbox, lifecycle)),
      recentEnds: registry.recentEnds.map((end) => endMessage(end)),
    }),
    watchEvents: (_request, context) => watchEnds(registry, context.signal),
  };
}

async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toConnectError(error);
  }
}

async function* watchEnds(registry: SandboxRegistry, signal: AbortSignal): AsyncGenerator<SandboxEvent> {
  const queue: SandboxEnd[] = [];
  let wake = Promise.withResolvers<void>();
  const stop = registry.onEnd((end) => {
    queue.push(end);
    wake.resolve();
  });
  const abort = (): void => wake.resolve();
  signal.addEventListener("abort", abort);
  try {
    while (!signal.aborted) {
      for (let end = queue.shift(); end !== undefined; end = queue.shift()) yield endMessage(end);
      await wake.promise;
      wake = Promise.withResolvers();
      // An end that came in between must not wait for the next one.
      if (queue.length > 0 || signal.aborted) wake.resolve();
    }
  } finally {
    signal.removeEventListener("abort", abort);
    stop();
  }
}

const sandboxMessage = ({ record, runtime, slot }: NodeSandbox, lifecycle: Lifecycle): Sandbox =>
  create(SandboxSchema, {
    sandboxId: record.sandboxId,
    isolation: record.isolation,
    driver: record.driver,
    hostAddress: slot.names.hostAddress,
    startedAt: timestampFromMs(record.startedAtMs),
    pid: runtime.pid,
    secretsRevision: lifecycle.secretsRevision(record.sandboxId),
  });

const endMessage = (end: SandboxEnd): SandboxEvent =>
  create(SandboxEventSchema, {
    sandboxId: end.sandboxId,
    at: timestampFromMs(end.atMs),
    kind: end.kind,
    ...(end.exitCode === undefined ? {} : { exitCode: end.exitCode }),
  });
