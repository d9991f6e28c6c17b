import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { hasBody, hasHeader } from "@sandbank/protocol/forwarding";
import { envdPort } from "@sandbank/protocol/headers";
import { hostWithoutPort } from "@sandbank/protocol/host-name";
import type { SandboxRoute } from "@sandbank/protocol/routing";
import { maskFor, maskHost } from "./masked-host.ts";
import type { AgentUse, UpstreamAgents } from "./upstream-agents.ts";
import type { UpstreamTarget } from "./upstream-call.ts";

/** A request that may go to a port of a sandbox. */
export interface Admitted {
  route: SandboxRoute;
  port: number;
}

/**
 * How a request goes on to its sandbox. `sent` are its headers, which this completes; `use` overrides the choice of the
 * connection.
 */
export function upstreamTarget(
  { route, port }: Admitted,
  request: IncomingMessage,
  sent: string[],
  agents: UpstreamAgents,
  use?: AgentUse,
): UpstreamTarget {
  const { sandboxId, hostAddress, maskRequestHost: mask } = route;
  const isEnvd = port === envdPort;
  const method = request.method ?? "GET";
  const body = hasBody(request);
  const safe = !body && (method === "GET" || method === "HEAD" || method === "OPTIONS");
  // Node frames a body of unknown length where a method usually has one; there is none.
  if (!body && !safe && !hasHeader(sent, "content-length")) sent.push("Content-Length", "0");
  if (mask !== undefined && !isEnvd) maskHost(sent, mask, port);
  else if (!hasHeader(sent, "host")) sent.push("Host", `${hostAddress}:${port}`);
  const tls =
    !isEnvd && route.httpsPorts?.includes(port) ? { servername: serverName(mask, port) } : undefined;
  const agent = agents.for(sandboxId, use ?? (isEnvd ? "envd" : safe ? "kept" : "fresh"), tls !== undefined);
  return { hostAddress, port, method, path: request.url ?? "/", headers: sent, agent, tls, repeatable: safe };
}

/** A service is told the name that its owner gave it; servers refuse names of others, and do without one. */
function serverName(mask: string | undefined, port: number): string {
  const name = mask === undefined ? "" : hostWithoutPort(maskFor(mask, port));
  return isIP(name.replaceAll(/[[\]]/g, "")) === 0 ? name : "";
}
