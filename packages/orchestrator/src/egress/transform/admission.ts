import type { IncomingMessage } from "node:http";

/** A request that goes nowhere. */
export interface Refusal {
  status: number;
  reason: string;
}

/**
 * Whether a request on an intercepted connection is for the host that the connection is for. A server that serves several
 * hosts would otherwise take a secret that is meant for one of them to another.
 */
export function refusalOf(request: IncomingMessage, serverName: string, port: number): Refusal | undefined {
  // An answer to TRACE would bring the headers that were put in back to the sandbox.
  if (request.method === "TRACE" || request.method === "CONNECT") {
    return { status: 405, reason: `the method ${request.method} can't be used on this connection` };
  }
  const { url = "" } = request;
  if (!url.startsWith("/") && url !== "*") {
    return { status: 400, reason: "the request target must be a path" };
  }
  const hosts = request.rawHeaders.filter(
    (_, index) => index % 2 === 1 && request.rawHeaders[index - 1]?.toLowerCase() === "host",
  );
  const [host] = hosts;
  if (hosts.length !== 1 || host === undefined) {
    return { status: 400, reason: "the request must have one Host header" };
  }
  const [, name, wantedPort] = /^([^:]+?)\.?(?::([0-9]+))?$/.exec(host.toLowerCase()) ?? [];
  if (name === serverName && (wantedPort === undefined || Number(wantedPort) === port)) return undefined;
  return {
    status: 421,
    reason: `the request is for the host "${host}", but the connection is for ${serverName}:${port}`,
  };
}
