import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampNow } from "@bufbuild/protobuf/wkt";
import { createClient, createRouterTransport } from "@connectrpc/connect";
import { AppError } from "@sandbank/core/errors";
import { toConnectError } from "@sandbank/protocol/connect-error";
import { fromEgressMessage } from "@sandbank/protocol/egress-message";
import type { EgressPolicy } from "@sandbank/protocol/egress-policy";
import {
  type LogEntrySchema,
  type MetricSampleSchema,
  NodeService,
  type SandboxConfig,
} from "@sandbank/protocol/gen/node_pb";
import type { NodeClient } from "../node-client.ts";

interface FakeSandbox {
  sandboxId: string;
  isolation: string;
  driver: string;
  hostAddress: string;
}

interface FakeEnd {
  sandboxId: string;
  kind: string;
  exitCode?: number;
}

type FakeLogRequest = Parameters<NodeClient["getSandboxLogs"]>[0];

type Fault = () => Promise<void> | void;

const notFound = (sandboxId: string): AppError =>
  new AppError({ code: "not_found", message: `no sandbox ${sandboxId}` });

/** A node in memory that keeps the contract of node.proto; tests reach in to break things. */
export class FakeNode {
  readonly sandboxes = new Map<string, FakeSandbox>();
  readonly configs: SandboxConfig[] = [];
  /** What running sandboxes may reach since the last change. */
  readonly policies = new Map<string, EgressPolicy>();
  /** The secrets that sandboxes have, in memory only: tests clear it as a restart would. */
  readonly secrets = new Map<string, { revision: string; values: Record<string, string> }>();
  readonly kills: string[] = [];
  readonly recentEnds: FakeEnd[] = [];
  /** What the node is asked for logs, and what it says. */
  readonly logRequests: FakeLogRequest[] = [];
  readonly logs: MessageInitShape<typeof LogEntrySchema>[] = [];
  readonly samples: MessageInitShape<typeof MetricSampleSchema>[] = [];
  readonly #watchers = new Set<(end: FakeEnd) => void>();
  /** Called in each RPC before it does its work; may throw or wait. */
  beforeCreate: Fault = () => undefined;
  beforeKill: Fault = () => undefined;
  beforeSetSecrets: () => void = () => undefined;
  beforeList: Fault = () => undefined;

  get watcherCount(): number {
    return this.#watchers.size;
  }

  /** Ends a sandbox as if its first process had exited. */
  exit(sandboxId: string, exitCode: number): void {
    if (!this.sandboxes.delete(sandboxId)) throw notFound(sandboxId);
    this.#announce({ sandboxId, kind: "exited", exitCode });
  }

  /** Ends a sandbox without telling anybody who watches. */
  exitUnseen(end: FakeEnd, remember: boolean): void {
    this.sandboxes.delete(end.sandboxId);
    if (remember) this.recentEnds.push(end);
  }

  /** A sandbox that no control plane asked for. */
  plant(sandboxId: string): void {
    this.sandboxes.set(sandboxId, this.#newSandbox(sandboxId));
  }

  client(): NodeClient {
    const guarded = async <T>(work: () => Promise<T> | T): Promise<T> => {
      try {
        return await work();
      } catch (error) {
        throw toConnectError(error);
      }
    };
    const transport = createRouterTransport(({ service }) => {
      service(NodeService, {
        getNode: () => ({ nodeId: "node-1", isolation: "gvisor", driver: "fake", version: "0" }),
        createSandbox: (request) => guarded(() => this.#create(request.config)),
        killSandbox: (request) => guarded(() => this.#kill(request.sandboxId)),
        setEgress: ({ sandboxId, policy, secrets }) =>
          guarded(() => {
            if (!this.sandboxes.has(sandboxId)) throw notFound(sandboxId);
            if (policy) this.policies.set(sandboxId, fromEgressMessage(policy));
            this.#keepSecrets(sandboxId, secrets);
            return {};
          }),
        setSecrets: ({ sandboxId, secrets }) =>
          guarded(() => {
            this.beforeSetSecrets();
            if (!this.sandboxes.has(sandboxId)) throw notFound(sandboxId);
            this.#keepSecrets(sandboxId, secrets);
            return {};
          }),
        listSandboxes: () => guarded(() => this.#list()),
        getSandboxLogs: (request) => {
          this.logRequests.push(request);
          return { entries: this.logs };
        },
        getSandboxMetrics: () => ({ samples: this.samples }),
        getNewestMetrics: ({ sandboxIds }) => {
          const newest = this.samples.at(-1);
          return { samples: newest ? Object.fromEntries(sandboxIds.map((id) => [id, newest])) : {} };
        },
        watchEvents: (_request, context) => this.#watch(context.signal),
      });
    });
    return createClient(NodeService, transport);
  }

  #keepSecrets(sandboxId: string, secrets: SandboxConfig["secrets"]): void {
    if (secrets) this.secrets.set(sandboxId, secrets);
    else this.secrets.delete(sandboxId);
  }

  #newSandbox(sandboxId: string): FakeSandbox {
    const hostAddress = `10.11.0.${this.sandboxes.size + 1}`;
    return { sandboxId, isolation: "gvisor", driver: "fake", hostAddress };
  }

  async #create(config: SandboxConfig | undefined) {
    if (!config) throw new AppError({ code: "invalid_argument", message: "no config" });
    this.configs.push(config);
    this.#keepSecrets(config.sandboxId, config.secrets);
    await this.beforeCreate();
    const sandbox = this.sandboxes.get(config.sandboxId) ?? this.#newSandbox(config.sandboxId);
    this.sandboxes.set(config.sandboxId, sandbox);
    return { sandbox: { ...sandbox, startedAt: timestampNow(), pid: 1 }, phases: [] };
  }

  async #kill(sandboxId: string) {
    this.kills.push(sandboxId);
    await this.beforeKill();
    if (!this.sandboxes.delete(sandboxId)) throw notFound(sandboxId);
    this.#announce({ sandboxId, kind: "killed" });
    return {};
  }

  async #list() {
    // What is listed is what was there when the question arrived.
    const sandboxes = [...this.sandboxes.values()].map((sandbox) => ({
      ...sandbox,
      startedAt: timestampNow(),
      secretsRevision: this.secrets.get(sandbox.sandboxId)?.revision ?? "",
    }));
    await this.beforeList();
    return { sandboxes, recentEnds: this.recentEnds.map((end) => ({ ...end, at: timestampNow() })) };
  }

  #announce(end: FakeEnd): void {
    this.recentEnds.push(end);
    for (const watcher of this.#watchers) watcher(end);
  }

  async *#watch(signal: AbortSignal) {
    const queue: FakeEnd[] = [];
    let wake: () => void = () => undefined;
    const watcher = (end: FakeEnd): void => {
      queue.push(end);
      wake();
    };
    this.#watchers.add(watcher);
    signal.addEventListener("abort", () => wake(), { once: true });
    try {
      while (!signal.aborted) {
        for (let end = queue.shift(); end !== undefined; end = queue.shift()) {
          yield { ...end, at: timestampNow() };
        }
        const { promise, resolve } = Promise.withResolvers<void>();
        wake = resolve;
        if (queue.length === 0 && !signal.aborted) await promise;
      }
    } finally {
      this.#watchers.delete(watcher);
    }
  }
}
