import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Logger } from "@sandbank/core/logger";
import { envdPort, headers } from "@sandbank/protocol/headers";
import type { SandboxDirectory } from "@sandbank/protocol/routing";
import { hashToken, tokensEqual } from "@sandbank/protocol/tokens";
import { type EdgeError, sandboxNotFound, sendError } from "./edge-error.ts";
import { isInternalEnvdRoute } from "./envd-routes.ts";
import { Exchange, type ExchangeContext } from "./exchange.ts";
import { requestHeaders, upgradeHeaders } from "./forwarded-headers.ts";
import type { LiveStreams } from "./live-streams.ts";
import { hasBody } from "@sandbank/protocol/forwarding";
import { type Target, targetOf } from "./target.ts";
import { Tunnel } from "./tunnel.ts";
import type { UpstreamAgents } from "./upstream-agents.ts";
import { type Admitted, upstreamTarget } from "./upstream-target.ts";

/** What became of a request: answered by the proxy itself, carried to a sandbox, or turned into a tunnel. */
export type RequestOutcome = "own" | "refused" | "carried" | "tunnel";

export interface EdgeOptions {
  directory: SandboxDirectory;
  logger: Logger;
  live: LiveStreams;
  agents: UpstreamAgents;
  /** Most requests and tunnels that one sandbox may have at a time; no limit when absent. */
  maxConnectionsPerSandbox?: number | undefined;
  /** Told of a sandbox whose network or daemon failed a request; not of ports that nobody listens on. */
  onUnreachable?: ((sandboxId: string) => void) | undefined;
  /** Told of each request, for counting. */
  onOutcome?: ((outcome: RequestOutcome) => void) | undefined;
}

type Admission = Admitted | { error: EdgeError } | { own: true };

/** Decides about every request: to which sandbox, whether it may, and what to answer if not. */
export class Edge {
  readonly #options: EdgeOptions;

  constructor(options: EdgeOptions) {
    this.#options = options;
  }

  onRequest(request: IncomingMessage, response: ServerResponse): void {
    const admission = this.#admit(request);
    // Node drops what a client has sent behind an upgrade that was not accepted; a closed connection says so.
    if (request.headers.upgrade !== undefined) response.shouldKeepAlive = false;
    this.#options.onOutcome?.("own" in admission ? "own" : "error" in admission ? "refused" : "carried");
    if ("own" in admission) {
      response.writeHead(204).end();
    } else if ("error" in admission) {
      sendError(request, response, admission.error);
    } else {
      const exchange = new Exchange(this.#context(admission), request, response);
      const sent = requestHeaders(request.rawHeaders, request.headers.connection);
      exchange.start(upstreamTarget(admission, request, sent, this.#options.agents));
    }
  }

  /**
   * Whether a request that asks for another protocol becomes a tunnel. All others are answered as if they had not asked:
   * those that can't be routed, those to envd, which knows no other protocol, and those with a body.
   */
  mayUpgrade(request: IncomingMessage): boolean {
    if (hasBody(request)) return false;
    const admission = this.#admit(request);
    return "route" in admission && admission.port !== envdPort;
  }

  onUpgrade(request: IncomingMessage, socket: Socket, early: Buffer): void {
    const admission = this.#admit(request);
    if (!("route" in admission)) {
      // The sandbox ended between the two calls.
      socket.destroy();
      return;
    }
    this.#options.onOutcome?.("tunnel");
    const { connection = "", upgrade = "" } = request.headers;
    const tunnel = new Tunnel(this.#context(admission), request, socket);
    const sent = upgradeHeaders(request.rawHeaders, connection, upgrade);
    // Its own connection: a kept one would end as a whole when one direction does.
    const target = upstreamTarget(admission, request, sent, this.#options.agents, "fresh");
    tunnel.start({ ...target, allowHalfOpen: true }, early);
  }

  #admit(request: IncomingMessage): Admission {
    const { directory, live, maxConnectionsPerSandbox: limit } = this.#options;
    request.url = originForm(request.url ?? "/");
    const target: Target = targetOf(request, directory);
    if (target.kind === "own") return { own: true };
    if (target.kind === "error") return { error: target.error };
    const { sandboxId, port } = target;
    const route = directory.lookup(sandboxId);
    if (!route) return { error: sandboxNotFound(sandboxId) };
    if (port === envdPort) {
      if (isInternalEnvdRoute(request.url)) return { error: notPublic(request.url) };
    } else if (route.trafficTokenHash !== undefined) {
      const error = checkTrafficToken(request, sandboxId, route.trafficTokenHash);
      if (error) return { error };
    }
    if (limit !== undefined && live.count(sandboxId) >= limit) {
      const message =
        `The sandbox has ${limit} open connections, which is the most it may have ` +
        `(the operator's setting SANDBANK_MAX_CONNECTIONS_PER_SANDBOX)`;
      return { error: { status: 429, message, sandboxId, connectionLimit: limit } };
    }
    return { route, port };
  }

  #context({ route, port }: Admitted): ExchangeContext {
    const { live, logger, directory, onUnreachable } = this.#options;
    const { sandboxId } = route;
    return {
      sandboxId,
      port,
      live,
      logger,
      isThere: () => directory.lookup(sandboxId) !== undefined,
      failed: (failure, error) => {
        const nobodyListens = error.code === "ECONNREFUSED";
        // What becomes of connections to programs in the sandbox is their own affair.
        if (port === envdPort || (failure !== "broken" && !nobodyListens)) onUnreachable?.(sandboxId);
      },
    };
  }
}

function checkTrafficToken(request: IncomingMessage, sandboxId: string, hash: string): EdgeError | undefined {
  const token = request.headers[headers.trafficAccessToken];
  if (token === undefined) {
    const message = `The sandbox's ports are private and the header ${headers.trafficAccessToken} is missing`;
    return { status: 403, message, sandboxId };
  }
  if (typeof token === "string" && tokensEqual(hashToken(token), hash)) return undefined;
  return { status: 403, message: `The header ${headers.trafficAccessToken} is invalid`, sandboxId };
}

const notPublic = (url: string): EdgeError => ({
  status: 404,
  message: "This route is not public",
  path: url.split("?")[0] ?? url,
});

/** The path and query of a request target; clients may send a whole URL. */
function originForm(url: string): string {
  if (url.startsWith("/") || url === "*") return url;
  const rest = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*(.*)$/i.exec(url)?.[1] ?? "/";
  return rest.startsWith("/") ? rest : `/${rest}`;
}
