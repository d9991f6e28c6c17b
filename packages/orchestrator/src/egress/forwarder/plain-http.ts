import { Agent, createServer, type IncomingMessage, type Server } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { parseDomainPattern } from "@sandbank/core/domain-pattern";
import { errorText } from "@sandbank/core/errors";
import type { Logger } from "@sandbank/core/logger";
import { hasBody } from "@sandbank/protocol/forwarding";
import { resetSocket } from "@sandbank/protocol/reset-socket";
import { maxHeaderBytes, OutboundExchange } from "../transform/outbound-exchange.ts";
import { OutboundTunnel } from "../transform/outbound-tunnel.ts";
import type { ExchangeSession } from "../transform/session.ts";
import type { Connection } from "./connection.ts";

/** Requests that a client may send ahead of their answers. */
const maxPipelined = 16;
/** That one connection may be for; there is a connection to each. Clients have one for each name. */
const maxNames = 3;
const firstRequestTimeoutMs = 60_000;
/** Longer than clients keep idle connections, so that they close first. */
const idleMs = 620_000;

type Connected = (error: Error | null, stream?: Duplex) => void;

/** Connections to one name. */
class NameAgent extends Agent {
  readonly #dial: () => Promise<Socket>;

  constructor(dial: () => Promise<Socket>) {
    super({ keepAlive: true, maxSockets: 1, maxFreeSockets: 1 });
    this.#dial = dial;
  }

  override createConnection(
    _options: unknown,
    done?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    // Node calls it without a stream beside an error; its types want one.
    const connected = done as Connected;
    this.#dial().then(
      (socket) => connected(null, socket),
      (error: unknown) => connected(error as Error),
    );
  }
}

/** The name in a request's one Host header; undefined when it is not clear which host it is for. */
export function hostOf(request: IncomingMessage): string | undefined {
  // Servers take the host from an absolute target, whatever the header says.
  if (request.method === "CONNECT" || !/^(\/|\*$)/.test(request.url ?? "")) return undefined;
  const hosts = request.rawHeaders.filter(
    (_, index) => index % 2 === 1 && request.rawHeaders[index - 1]?.toLowerCase() === "host",
  );
  const [, name = ""] = /^([^:]+)(?::[0-9]+)?$/.exec(hosts[0] ?? "") ?? [];
  return hosts.length === 1 && !name.startsWith("*") ? parseDomainPattern(name) : undefined;
}

/** What one client's connection has under way. */
class ClientSide {
  readonly connection: Connection;
  readonly #agents = new Map<string, NameAgent>();
  #underWay = 0;

  constructor(connection: Connection) {
    this.connection = connection;
  }

  /** For one request, whose name is allowed. */
  sessionFor(name: string): ExchangeSession {
    return {
      agent: this.#agentFor(name),
      begin: () => {
        this.#underWay++;
        if (this.#underWay <= maxPipelined) return true;
        this.reset();
        return false;
      },
      finish: () => {
        this.#underWay--;
      },
      admit: () => Promise.resolve({ headers: [] }),
      failureOf: (error) => {
        this.connection.report("denied", "failed", name, errorText(error));
        return undefined;
      },
      reset: () => this.reset(),
    };
  }

  reset(): void {
    resetSocket(this.connection.socket);
  }

  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
  }

  get isFull(): boolean {
    return this.#agents.size >= maxNames;
  }

  knows(name: string): boolean {
    return this.#agents.has(name);
  }

  #agentFor(name: string): NameAgent {
    let agent = this.#agents.get(name);
    if (!agent) {
      agent = new NameAgent(() => this.connection.dialName(name));
      this.#agents.set(name, agent);
    }
    return agent;
  }
}

/**
 * HTTP without TLS of sandboxes whose policy has names. Each request says for itself which host it is for, so each is read,
 * judged, and written anew: a connection that began with an allowed host can't go on with another.
 */
export class PlainHttp {
  readonly #server: Server;
  readonly #logger: Logger;
  readonly #clients = new WeakMap<object, ClientSide>();

  constructor(logger: Logger) {
    this.#logger = logger;
    this.#server = this.#makeServer();
  }

  /** Takes over a connection that has begun with these bytes. */
  take(connection: Connection, initial: Buffer): void {
    const { socket } = connection;
    const client = new ClientSide(connection);
    this.#clients.set(socket, client);
    socket.on("close", () => client.close());
    socket.on("error", () => socket.destroy());
    socket.setTimeout(firstRequestTimeoutMs, () => socket.destroy());
    socket.unshift(initial);
    this.#server.emit("connection", socket);
    socket.resume();
  }

  #makeServer(): Server {
    const server = createServer({
      keepAliveTimeout: idleMs,
      maxHeaderSize: maxHeaderBytes,
      requestTimeout: 0,
      shouldUpgradeCallback: (request) => !hasBody(request),
    });
    const onRequest = (
      request: IncomingMessage,
      response: ConstructorParameters<typeof OutboundExchange>[2],
    ) => {
      const session = this.#judge(request);
      if (session) this.#run(new OutboundExchange(session, request, response).start(), request);
    };
    server.on("request", onRequest);
    server.on("checkContinue", onRequest);
    server.on("connect", (request) => void this.#judge(request));
    server.on("upgrade", (request, socket, head) => {
      const session = this.#judge(request);
      if (session) this.#run(new OutboundTunnel(session, request, socket as Socket).start(head), request);
    });
    server.on("clientError", (_error, socket) => resetSocket(socket as Socket));
    return server;
  }

  /** Undefined when the request goes nowhere; the connection is reset then. */
  #judge(request: IncomingMessage): ExchangeSession | undefined {
    const client = this.#clients.get(request.socket);
    if (!client) throw new Error("a request came on a connection that was not handed over");
    const { connection } = client;
    request.socket.setTimeout(0);
    const name = hostOf(request);
    const by = name === undefined ? undefined : connection.allows(name);
    if (name === undefined || by !== "domain" || (client.isFull && !client.knows(name))) {
      connection.report("denied", "name", name ?? request.headers.host?.slice(0, 253));
      client.reset();
      return undefined;
    }
    if (!client.knows(name)) connection.report("allowed", by, name);
    connection.wentTo(name);
    return client.sessionFor(name);
  }

  #run(work: Promise<void>, request: IncomingMessage): void {
    work.catch((error: unknown) => {
      this.#logger.error({ error: errorText(error) }, "a forwarded request failed");
      request.socket.destroy();
    });
  }
}
