import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { createSecureContext, type SecureContext, TLSSocket } from "node:tls";
import type { CertificateAuthority } from "@sandbank/certificates/authority";
import { errorText } from "@sandbank/core/errors";
import type { Logger } from "@sandbank/core/logger";
import { hasBody } from "@sandbank/protocol/forwarding";
import { NameContexts } from "@sandbank/certificates/name-contexts";
import { maxHeaderBytes, OutboundExchange } from "./outbound-exchange.ts";
import { OutboundTunnel } from "./outbound-tunnel.ts";
import type { SecretVault } from "./secret-vault.ts";
import { type InterceptedConnection, Session } from "./session.ts";
import type { Decision } from "../decision.ts";

const handshakeTimeoutMs = 30_000;
/** From the handshake to the first request. */
const firstRequestTimeoutMs = 60_000;
/** Longer than clients keep idle connections, so that they close first. */
const idleMs = 620_000;

export interface InterceptorOptions {
  /** Trusted in the sandboxes whose connections are handed over. */
  authority: CertificateAuthority;
  /** PEM certificates of the authorities that real servers' certificates may come from. */
  trustedRoots: string[];
  vault: SecretVault;
  /** Told what became of connections and requests; never a header's value. */
  report: (decision: Decision) => void;
  logger: Logger;
}

/**
 * Takes the place of real servers towards programs in sandboxes, for connections to domains that have a rule: puts the
 * rule's headers into each request, and goes on to the real server over TLS of its own.
 */
export class Interceptor {
  readonly #options: InterceptorOptions;
  readonly #leaves: NameContexts;
  readonly #upstreamContext: SecureContext;
  readonly #server: Server;
  readonly #sessions = new WeakMap<object, Session>();
  readonly #open = new Set<Socket>();

  constructor(options: InterceptorOptions) {
    this.#options = options;
    this.#leaves = new NameContexts(options.authority);
    // Made once: reading all authorities takes as long as ten handshakes.
    this.#upstreamContext = createSecureContext({ ca: options.trustedRoots });
    this.#server = this.#makeServer();
  }

  /** Takes over a client's connection. `dial` gives a connection to its destination, as often as one is needed. */
  async handle(raw: Socket, connection: InterceptedConnection, dial: () => Promise<Socket>): Promise<void> {
    this.#open.add(raw);
    raw.on("close", () => this.#open.delete(raw));
    raw.on("error", () => raw.destroy());
    raw.setNoDelay(true);
    const { serverName, initialBytes } = connection;
    const secureContext = await this.#leaves.get(serverName);
    if (raw.destroyed) return;
    raw.unshift(initialBytes);
    // Only HTTP/1.1 is offered: each of its requests names its host once, and a connection is for one host.
    const tls = new TLSSocket(raw, { isServer: true, secureContext, ALPNProtocols: ["http/1.1"] });
    const { vault, report } = this.#options;
    const upstreamContext = this.#upstreamContext;
    const session = new Session({ connection, raw, tls, dial, upstreamContext, vault, report });
    this.#sessions.set(tls, session);
    this.#awaitHandshake(tls, raw, connection);
  }

  /** Cuts every connection. */
  close(): void {
    for (const raw of this.#open) raw.destroy();
  }

  #awaitHandshake(tls: TLSSocket, raw: Socket, connection: InterceptedConnection): void {
    const { sandboxId, serverName, destination } = connection;
    let problem = "the client closed the connection";
    const timer = setTimeout(() => {
      problem = `nothing for ${handshakeTimeoutMs} ms`;
      raw.destroy();
    }, handshakeTimeoutMs);
    const onClose = (): void => {
      clearTimeout(timer);
      const detail = `no TLS handshake with the program in the sandbox: ${problem}`;
      this.#options.report({
        sandboxId,
        verdict: "denied",
        reason: "untrusted",
        protocol: "tcp",
        ...destination,
        name: serverName,
        detail,
      });
    };
    tls.on("error", (error: NodeJS.ErrnoException) => {
      problem = error.code ?? error.message;
      raw.destroy();
    });
    tls.on("close", onClose);
    tls.once("secure", () => {
      clearTimeout(timer);
      tls.off("close", onClose);
      tls.setTimeout(firstRequestTimeoutMs, () => raw.destroy());
      this.#server.emit("connection", tls);
    });
  }

  #makeServer(): Server {
    const server = createServer({
      keepAliveTimeout: idleMs,
      maxHeaderSize: maxHeaderBytes,
      // An upload lasts as long as it lasts.
      requestTimeout: 0,
      shouldUpgradeCallback: (request) =>
        !hasBody(request) && this.#sessionOf(request).refusalOf(request) === undefined,
    });
    const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
      request.socket.setTimeout(0);
      this.#run(new OutboundExchange(this.#sessionOf(request), request, response).start(), request);
    };
    server.on("request", onRequest);
    server.on("checkContinue", onRequest);
    server.on("upgrade", (request, socket, head) => {
      this.#run(new OutboundTunnel(this.#sessionOf(request), request, socket as Socket).start(head), request);
    });
    return server;
  }

  #run(work: Promise<void>, request: IncomingMessage): void {
    work.catch((error: unknown) => {
      this.#options.logger.error({ error: errorText(error) }, "an intercepted request failed");
      request.socket.destroy();
    });
  }

  #sessionOf(request: IncomingMessage): Session {
    const session = this.#sessions.get(request.socket);
    if (!session) throw new Error("a request came on a connection that is not intercepted");
    return session;
  }
}
