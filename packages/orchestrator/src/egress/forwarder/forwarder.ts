import { createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { AppError, errorText } from "@sandbank/core/errors";
import type { Logger } from "@sandbank/core/logger";
import { type Destination, originalDestination } from "@sandbank/linux/original-destination";
import { resetSocket } from "@sandbank/protocol/reset-socket";
import type { EgressPolicy } from "@sandbank/protocol/egress-policy";
import type { Decision } from "../decision.ts";
import { PolicyView } from "../policy-view.ts";
import { type Client, Connection, type ConnectionParts, type TlsInterceptor } from "./connection.ts";
import { DnsRelay } from "./dns-relay.ts";
import { LearnedNames } from "./learned-names.ts";
import type { Names } from "./names.ts";
import { PlainHttp } from "./plain-http.ts";

export interface ForwarderOptions {
  /** Where the host's rules bring connections. */
  address: string;
  port: number;
  names: Names;
  /** Those that sandboxes are told of. */
  nodeResolvers: readonly string[];
  interceptor: TlsInterceptor;
  report: (decision: Decision) => void;
  logger: Logger;
}

/**
 * At a time. Each has up to four descriptors, of which the service has 20,000 or more: a sandbox that opens all it can must
 * not keep the API and the edge from theirs.
 */
const maxConnections = { ofOneSandbox: 1_000, ofAll: 3_000 };
const backlog = 1_024;
/** Between attempts to listen again. */
const restartPauseMs = 200;

/**
 * The one forwarder of a node: carries TCP connections of sandboxes whose policy the kernel can't judge alone. While nothing
 * listens the kernel refuses such connections, so a policy never opens by a failure.
 */
export class Forwarder {
  readonly #options: ForwarderOptions;
  readonly #parts: ConnectionParts;
  readonly #clients = new Map<string, Client>();
  readonly #dns: DnsRelay;
  #connectionCount = 0;
  #server: Server | undefined;
  #closed = false;

  constructor(options: ForwarderOptions) {
    this.#options = options;
    const { names, interceptor, report, logger } = options;
    const clientOf = (hostAddress: string): Client | undefined => this.#clients.get(hostAddress);
    this.#dns = new DnsRelay({ ...options, clientOf });
    this.#parts = { names, interceptor, report, plainHttp: new PlainHttp(logger) };
  }

  /** Rejects with `failed_precondition` naming the address when it can't be had. */
  async start(): Promise<void> {
    await this.#dns.listen();
    await this.#listen();
  }

  /** `hostAddress` is the sandbox's; connections that the policy does not allow end. */
  setPolicy(hostAddress: string, sandboxId: string, policy: EgressPolicy): void {
    const view = new PolicyView(policy);
    const known = this.#clients.get(hostAddress);
    if (known?.sandboxId !== sandboxId) {
      this.forget(hostAddress);
      this.#clients.set(hostAddress, {
        sandboxId,
        view,
        connections: new Set(),
        learned: new LearnedNames(),
      });
      return;
    }
    known.view = view;
    for (const connection of known.connections) connection.recheck();
  }

  /** The sandbox has ended: nothing more comes from its address, and what there is ends. */
  forget(hostAddress: string): void {
    const client = this.#clients.get(hostAddress);
    this.#clients.delete(hostAddress);
    for (const { socket } of client?.connections ?? []) resetSocket(socket);
  }

  get connectionCount(): number {
    return this.#connectionCount;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const hostAddress of this.#clients.keys()) this.forget(hostAddress);
    this.#dns.close();
    const server = this.#server;
    if (!server?.listening) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    server.close(() => resolve());
    await promise;
  }

  async #listen(): Promise<void> {
    const { address, port } = this.#options;
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once("error", reject);
    server.listen({ host: address, port, backlog, exclusive: true }, resolve);
    try {
      await promise;
    } catch (error) {
      throw new AppError({
        code: "failed_precondition",
        message: `the egress forwarder can't listen on ${address}:${port}: ${errorText(error)}`,
        cause: error,
      });
    }
    server.off("error", reject);
    server.on("connection", (socket) => this.#accept(socket));
    server.on("error", (error) => {
      this.#options.logger.error({ error: errorText(error) }, "the egress forwarder failed");
      server.close();
      // Not when it is closed: that is when the last of its connections has ended.
      void this.#listenAgain();
    });
    this.#server = server;
  }

  #accept(socket: Socket): void {
    socket.on("error", () => socket.destroy());
    const client = this.#clients.get(socket.remoteAddress ?? "");
    const destination = client && this.#destinationOf(socket);
    if (!client || !destination) {
      resetSocket(socket);
      return;
    }
    const connection = new Connection(client, socket, destination, this.#parts);
    const isFull = client.connections.size >= maxConnections.ofOneSandbox;
    if (isFull || this.#connectionCount >= maxConnections.ofAll) {
      connection.deny("limit");
      return;
    }
    client.connections.add(connection);
    this.#connectionCount++;
    socket.on("close", () => {
      client.connections.delete(connection);
      this.#connectionCount--;
    });
    connection.serve().catch((error: unknown) => {
      this.#options.logger.error(
        { sandboxId: client.sandboxId, error: errorText(error) },
        "a forwarded connection failed",
      );
      resetSocket(socket);
    });
  }

  #destinationOf(socket: Socket): Destination | undefined {
    try {
      return originalDestination(socket);
    } catch (error) {
      // It may be gone already; and what was brought here by no rule has no business here.
      this.#options.logger.debug({ error: errorText(error) }, "a connection has no original destination");
      return undefined;
    }
  }

  async #listenAgain(): Promise<void> {
    while (!this.#closed) {
      try {
        await this.#listen();
        if (this.#closed) this.#server?.close();
        this.#options.logger.warn({}, "the egress forwarder was started again");
        return;
      } catch (error) {
        this.#options.logger.error(
          { error: errorText(error) },
          "the egress forwarder can't be started again",
        );
        await sleep(restartPauseMs, undefined, { ref: false });
      }
    }
  }
}
