import { Agent, type ClientRequest } from "node:http";
import { Agent as TlsAgent } from "node:https";
import type { Duplex } from "node:stream";
import type { Socket } from "node:net";

export interface UpstreamAgentOptions {
  /** Most idle connections kept to one address and port. */
  maxIdle: number;
  /** How long an idle connection is kept, ms. Shorter than the time after which the other side closes it. */
  idleMs: number;
}

/** No `timeout`: it would also run on connections that are in use. */
const nodeOptions = ({ maxIdle }: UpstreamAgentOptions) =>
  ({ keepAlive: true, maxFreeSockets: maxIdle, scheduling: "lifo" }) as const;

/**
 * Connections to one sandbox, kept open between requests. One agent per sandbox, so that a connection never outlives
 * its sandbox and never serves the next owner of the address.
 */
export class UpstreamAgent extends Agent {
  readonly #idleMs: number;

  constructor(options: UpstreamAgentOptions) {
    super(nodeOptions(options));
    this.#idleMs = options.idleMs;
  }

  /** Called by Node when a response is done; false closes the connection. */
  override keepSocketAlive(socket: Duplex & Partial<Socket>): boolean {
    return keepIdle(socket, this.#idleMs);
  }

  override reuseSocket(socket: Duplex & Partial<Socket>, request: ClientRequest): void {
    super.reuseSocket(socket, request);
    socket.setTimeout?.(0);
  }
}

/** The same with TLS. The service's certificate is not checked: who it is follows from its address. */
export class TlsUpstreamAgent extends TlsAgent {
  readonly #idleMs: number;

  constructor(options: UpstreamAgentOptions) {
    super({ ...nodeOptions(options), rejectUnauthorized: false });
    this.#idleMs = options.idleMs;
  }

  override keepSocketAlive(socket: Duplex & Partial<Socket>): boolean {
    return keepIdle(socket, this.#idleMs);
  }

  override reuseSocket(socket: Duplex & Partial<Socket>, request: ClientRequest): void {
    super.reuseSocket(socket, request);
    socket.setTimeout?.(0);
  }
}

function keepIdle(socket: Duplex & Partial<Socket>, mostMs: number): boolean {
  // A second before the announced end, since closing and the next request may cross on the way.
  const idleMs = Math.min(mostMs, announcedIdleMs(socket) - 1000);
  if (idleMs <= 0) return false;
  socket.setTimeout?.(idleMs);
  return true;
}

/** What the service's `Keep-Alive: timeout=` header says, in ms; infinite without one. */
function announcedIdleMs(socket: Duplex & { _httpMessage?: unknown }): number {
  const message = socket._httpMessage as { res?: { headers: Record<string, unknown> } } | undefined;
  const header = message?.res?.headers["keep-alive"];
  const seconds = typeof header === "string" ? /(?:^|[\s,;])timeout=(\d+)/i.exec(header)?.[1] : undefined;
  return seconds === undefined ? Number.POSITIVE_INFINITY : Number(seconds) * 1000;
}
