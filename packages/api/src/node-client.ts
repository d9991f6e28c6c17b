import { type Timestamp, timestampMs } from "@bufbuild/protobuf/wkt";
import { type Client, Code, ConnectError } from "@connectrpc/connect";
import { AppError } from "@sandbank/core/errors";
import { fromConnectError } from "@sandbank/protocol/connect-error";
import { toEgressMessage } from "@sandbank/protocol/egress-message";
import type {
  LogEntry,
  MetricSample,
  NodeService,
  Sandbox,
  SandboxEvent,
} from "@sandbank/protocol/gen/node_pb";
import type { NodeEnd, NodeInfo, NodeLogEntry, NodeMetric, NodePort, NodeSandbox } from "./ports.ts";

export type NodeClient = Client<typeof NodeService>;

/** As long as clients wait for an answer by default; the node has its own, shorter deadline for every layer. */
const createTimeoutMs = 60_000;
const killTimeoutMs = 30_000;
const queryTimeoutMs = 10_000;

const millis = (time: Timestamp | undefined): number => (time ? timestampMs(time) : Date.now());

function toSandbox(sandbox: Sandbox | undefined): NodeSandbox {
  if (!sandbox) throw new AppError({ code: "internal", message: "the node gave no sandbox" });
  const { sandboxId, isolation, driver, hostAddress, secretsRevision } = sandbox;
  return { sandboxId, isolation, driver, hostAddress, secretsRevision };
}

const kinds = ["killed", "exited", "lost"] as const;

function toEnd(event: SandboxEvent): NodeEnd {
  return {
    sandboxId: event.sandboxId,
    atMs: millis(event.at),
    kind: kinds.find((kind) => kind === event.kind) ?? "lost",
    exitCode: event.exitCode,
  };
}

const levels = ["debug", "info", "warn", "error"] as const;

const toLogEntry = ({ atMs, level, logger, message, fields }: LogEntry): NodeLogEntry => ({
  atMs,
  level: levels.find((known) => known === level) ?? "info",
  logger,
  message,
  fields,
});

function toMetric(sample: MetricSample): NodeMetric {
  const { $typeName: _, $unknown: __, ...metric } = sample;
  return metric;
}

async function call<T>(what: string, timeoutMs: number, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (ConnectError.from(error).code === Code.DeadlineExceeded && !(error instanceof AppError)) {
      const app = fromConnectError(error);
      // A deadline that the node met names its layer; without a reason it is ours for the whole call.
      if (app.reason) throw app;
      throw new AppError({
        code: "deadline_exceeded",
        message: `the node did not ${what} within ${timeoutMs / 1000} s`,
        cause: error,
      });
    }
    throw fromConnectError(error);
  }
}

/** The node port over the node's RPC. What the node is does not change, so it is asked only until it answers. */
export function nodePort(client: NodeClient): NodePort {
  let known: NodeInfo | undefined;
  return {
    async info() {
      if (known) return known;
      const options = { timeoutMs: queryTimeoutMs };
      const node = await call("answer", queryTimeoutMs, () => client.getNode({}, options));
      known = { nodeId: node.nodeId, version: node.version, isolation: node.isolation, driver: node.driver };
      return known;
    },
    async create(config) {
      const options = { timeoutMs: createTimeoutMs };
      const response = await call("start the sandbox", createTimeoutMs, () =>
        client.createSandbox({ config: { ...config, egress: toEgressMessage(config.egress) } }, options),
      );
      return toSandbox(response.sandbox);
    },
    async setEgress(sandboxId, policy, change) {
      const options = { timeoutMs: queryTimeoutMs };
      await call("take the network rules", queryTimeoutMs, () =>
        client.setEgress({ sandboxId, policy: toEgressMessage(policy), ...change }, options),
      );
    },
    async setSecrets(sandboxId, secrets) {
      const options = { timeoutMs: queryTimeoutMs };
      await call("take secrets", queryTimeoutMs, () => client.setSecrets({ sandboxId, secrets }, options));
    },
    async kill(sandboxId) {
      const options = { timeoutMs: killTimeoutMs };
      try {
        await call("end the sandbox", killTimeoutMs, () => client.killSandbox({ sandboxId }, options));
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== "not_found") throw error;
      }
    },
    async list() {
      const options = { timeoutMs: queryTimeoutMs };
      const response = await call("list its sandboxes", queryTimeoutMs, () =>
        client.listSandboxes({}, options),
      );
      return { sandboxes: response.sandboxes.map(toSandbox), recentEnds: response.recentEnds.map(toEnd) };
    },
    ...observing(client),
    async *watchEnds(signal) {
      try {
        for await (const event of client.watchEvents({}, { signal })) yield toEnd(event);
      } catch (error) {
        throw fromConnectError(error);
      }
    },
  };
}

function observing(client: NodeClient): Pick<NodePort, "logs" | "metrics" | "newestMetrics"> {
  const options = { timeoutMs: queryTimeoutMs };
  return {
    async logs(sandboxId, { direction, ...query }) {
      const request = { sandboxId, backward: direction === "backward", ...query };
      const { entries } = await call("give the log", queryTimeoutMs, () =>
        client.getSandboxLogs(request, options),
      );
      return entries.map(toLogEntry);
    },
    async metrics(sandboxId, startMs, endMs) {
      const { samples } = await call("give the metrics", queryTimeoutMs, () =>
        client.getSandboxMetrics({ sandboxId, startMs, endMs }, options),
      );
      return samples.map(toMetric);
    },
    async newestMetrics(sandboxIds) {
      const { samples } = await call("give the metrics", queryTimeoutMs, () =>
        client.getNewestMetrics({ sandboxIds }, options),
      );
      return Object.fromEntries(Object.entries(samples).map(([id, sample]) => [id, toMetric(sample)]));
    },
  };
}
