import { createServer, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { AppError, errorText } from "@sandbank/core/errors";
import { Deadline } from "@sandbank/core/deadline";
import type { Logger } from "@sandbank/core/logger";
import type { SandboxDirectory } from "@sandbank/protocol/routing";
import { type OpenDebugSandbox, withDebugSandbox } from "./debug-sandbox.ts";
import { Edge, type RequestOutcome } from "./edge.ts";
import { Http2Bridge } from "./http2.ts";
import { LiveStreams, type SandboxTraffic } from "./live-streams.ts";
import { UpstreamAgents } from "./upstream-agents.ts";

export type { OpenDebugSandbox } from "./debug-sandbox.ts";
export type { RequestOutcome } from "./edge.ts";

export interface ProxyOptions {
  directory: SandboxDirectory;
  logger: Logger;
  /** Most requests and tunnels that one sandbox may have at a time (429 above; the operator sets it by SANDBANK_MAX_CONNECTIONS_PER_SANDBOX); no limit when absent. */
  maxConnectionsPerSandbox?: number | undefined;
  /** For clients in debug mode; without it they get an error. */
  openDebugSandbox?: OpenDebugSandbox | undefined;
  /** Told of a sandbox whose network or daemon failed a request; not of ports that nobody listens on. */
  onUnreachable?: (sandboxId: string) => void;
  /** Told of each request, for counting. */
  onRequest?: (outcome: RequestOutcome) => void;
}

/** The edge: takes clients' traffic for sandboxes and carries it there. */
export interface Proxy {
  /** For whoever adds TLS. */
  readonly server: Server;
  /** What the sandboxes that are there have exchanged with clients. */
  traffic(): SandboxTraffic[];
  /** Port 0 takes a free one. Rejects with `failed_precondition` naming the address when it can't be bound. */
  listen(address: { host: string; port: number }): Promise<{ host: string; port: number }>;
  /** Takes no more connections, lets what is under way finish for `graceMs`, then cuts it. Idempotent. */
  close(options: { graceMs: number }): Promise<void>;
}

/** Between two checks for connections that became idle while closing. */
const closePollMs = 20;

/** Longer than any pool of the SDKs keeps a connection, so that they close first (ms). */
const clientIdleMs = 620_000;

export function createProxy(options: ProxyOptions): Proxy {
  const { directory, logger, maxConnectionsPerSandbox, onUnreachable, onRequest: onOutcome } = options;
  const live = new LiveStreams();
  const agents = new UpstreamAgents();
  const edge = new Edge({
    directory,
    logger,
    live,
    agents,
    maxConnectionsPerSandbox,
    onUnreachable,
    onOutcome,
  });
  const server = edgeServer(edge, options.openDebugSandbox);
  const http2 = new Http2Bridge(server, logger);
  const stopListening = directory.onGone((sandboxId) => {
    live.cutSandbox(sandboxId);
    agents.drop(sandboxId);
  });
  let closing: Promise<void> | undefined;
  return {
    server,
    traffic: () => live.traffic(),
    listen: (address) => listen(server, logger, address),
    close: ({ graceMs }) =>
      (closing ??= close({ server, http2, live }, graceMs).finally(() => {
        stopListening();
        agents.dropAll();
      })),
  };
}

function edgeServer(edge: Edge, openDebugSandbox: OpenDebugSandbox | undefined): Server {
  const server = createServer({
    keepAlive: true,
    keepAliveInitialDelay: 30_000,
    keepAliveTimeout: clientIdleMs,
    maxHeaderSize: 64 * 1024,
    // Uploads and streams last as long as they last; a client must only name its request in time.
    requestTimeout: 0,
    headersTimeout: 60_000,
    shouldUpgradeCallback: (request) => edge.mayUpgrade(request),
  });
  const onRequest = withDebugSandbox(openDebugSandbox, (request, response) =>
    edge.onRequest(request, response),
  );
  server.on("request", onRequest);
  server.on("checkContinue", onRequest);
  server.on("upgrade", (request, socket, head) => edge.onUpgrade(request, socket as Socket, head));
  return server;
}

function listen(
  server: Server,
  logger: Logger,
  { host, port }: { host: string; port: number },
): ReturnType<Proxy["listen"]> {
  const { promise, resolve, reject } = Promise.withResolvers<{ host: string; port: number }>();
  const onError = (error: NodeJS.ErrnoException): void => {
    reject(
      new AppError({
        code: "failed_precondition",
        message: `the sandbox proxy cannot listen on ${host}:${port}: ${bindProblems[error.code ?? ""] ?? error.message}`,
        cause: error,
      }),
    );
  };
  server.once("error", onError);
  server.listen({ host, port }, () => {
    server.removeListener("error", onError);
    server.on("error", (error) => logger.error({ error: errorText(error) }, "sandbox proxy server failed"));
    const bound = server.address() as AddressInfo;
    resolve({ host: bound.address, port: bound.port });
  });
  return promise;
}

const bindProblems: Record<string, string> = {
  EADDRINUSE: "another process listens there",
  EADDRNOTAVAIL: "this machine has no such address",
  ENOTFOUND: "the name has no address",
  EAI_AGAIN: "the name has no address",
  EACCES: "not permitted; ports below 1024 need root",
};

async function close(
  { server, http2, live }: { server: Server; http2: Http2Bridge; live: LiveStreams },
  graceMs: number,
): Promise<void> {
  if (!server.listening) return;
  const deadline = new Deadline(graceMs);
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  // Connections that end a request meanwhile would be kept for the next one.
  const sweep = setInterval(() => {
    server.closeIdleConnections();
    if (!deadline.passed) return;
    live.cutAll();
    http2.cut();
    server.closeAllConnections();
  }, closePollMs);
  server.close(() => resolve());
  http2.drain();
  try {
    await closed;
  } finally {
    clearInterval(sweep);
  }
}
