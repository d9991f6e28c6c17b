import type { Server } from "node:http";
import { BlockList, isIPv4, type Socket } from "node:net";
import { createServer as createTlsServer, type Server as TlsServer, type TLSSocket } from "node:tls";
import { callbackify } from "node:util";
import { errorText } from "@sandbank/core/errors";
import { type Logger, silentLogger } from "@sandbank/core/logger";
import { type CertificateSource, oldestProtocol } from "./certificate-source.ts";

export interface SecureServerOptions {
  certificates: CertificateSource;
  /** Takes the connections of clients that asked for another server's name; returns false when it is none of them. */
  takeOver?: (socket: TLSSocket, name: string) => boolean;
  logger?: Logger;
}

/** The first byte of a TLS handshake; no HTTP request begins with it. */
const handshakeByte = 0x16;
/** How long a client may be silent before it says which protocol it speaks; as long as it may take for a request's headers. */
const firstByteTimeoutMs = 60_000;
const handshakeTimeoutMs = 20_000;
const refusalTimeoutMs = 5_000;

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

const refusal = "This port speaks TLS to other machines: use https://\n";
const refusalResponse =
  "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n" +
  `Content-Length: ${refusal.length}\r\nConnection: close\r\n\r\n${refusal}`;

/**
 * Makes an HTTP server speak TLS too, on the same port: the first byte of a connection tells which. Plain HTTP is for
 * this machine only.
 */
export class SecureServer {
  readonly #server: Server;
  readonly #options: SecureServerOptions;
  readonly #logger: Logger;
  readonly #listeners: ((socket: Socket) => void)[];
  readonly #tls: TlsServer;
  /** Connections that no HTTP server knows yet, by the client's end: TLS wraps them, and keeps only that. */
  readonly #waiting = new Map<string, Socket>();
  /** Connections that another server took: this one's end would wait for them. */
  readonly #takenOver = new Set<Socket>();

  constructor(server: Server, options: SecureServerOptions) {
    this.#server = server;
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
    this.#listeners = server.listeners("connection") as ((socket: Socket) => void)[];
    this.#tls = createTlsServer({
      ...this.#defaultContext(),
      ALPNProtocols: ["http/1.1"],
      handshakeTimeout: handshakeTimeoutMs,
      SNICallback: callbackify((name: string) => options.certificates.contextFor(name)),
    });
    this.#tls.on("secureConnection", (socket) => this.#onSecure(socket));
    this.#tls.on("tlsClientError", (error, socket) => {
      this.#logger.debug({ error: errorText(error), from: socket.remoteAddress }, "no TLS with a client");
      socket.destroy();
    });
    options.certificates.onChange(() => this.#tls.setSecureContext(this.#defaultContext()));
    server.removeAllListeners("connection");
    server.on("connection", (socket: Socket) => this.#sniff(socket));
  }

  /** Gives the HTTP server a connection whose TLS is done. */
  accept(socket: Socket): void {
    for (const listener of this.#listeners) listener.call(this.#server, socket);
  }

  /** Cuts connections that are not at their first request, and after `graceMs` those that another server took. */
  close({ graceMs }: { graceMs: number }): void {
    for (const socket of this.#waiting.values()) socket.destroy();
    setTimeout(() => {
      for (const socket of this.#takenOver) socket.destroy();
    }, graceMs).unref();
  }

  /** Looks at the first byte, puts it back, and hands the connection to whoever understands it. */
  #sniff(socket: Socket): void {
    const client = clientOf(socket);
    this.#waiting.set(client, socket);
    const end = (): void => void socket.destroy();
    const timer = setTimeout(end, firstByteTimeoutMs);
    socket.on("error", end);
    socket.once("close", () => {
      clearTimeout(timer);
      this.#waiting.delete(client);
    });
    socket.once("readable", () => {
      clearTimeout(timer);
      const first = socket.read() as Buffer | null;
      if (first === null) {
        end();
        return;
      }
      socket.removeListener("error", end);
      socket.unshift(first);
      if (first[0] === handshakeByte) {
        // A client that ends in the middle of a handshake has gone; TLS would wait for the rest.
        socket.allowHalfOpen = false;
        this.#tls.emit("connection", socket);
        return;
      }
      this.#waiting.delete(client);
      if (isLoopback(socket.remoteAddress)) this.accept(socket);
      else refuse(socket);
    });
  }

  #onSecure(socket: TLSSocket): void {
    this.#waiting.delete(clientOf(socket));
    socket.allowHalfOpen = true;
    const name = socket.servername;
    if (typeof name === "string" && this.#options.takeOver?.(socket, name)) {
      this.#takenOver.add(socket);
      socket.once("close", () => this.#takenOver.delete(socket));
      return;
    }
    this.accept(socket);
  }

  #defaultContext(): { cert: string; key: string; minVersion: typeof oldestProtocol } {
    const { certificate, key } = this.#options.certificates.fallback;
    return { cert: certificate, key, minVersion: oldestProtocol };
  }
}

/** Says what to do, and reads on until the client has seen it: unread data would reset the connection first. */
function refuse(socket: Socket): void {
  socket.setTimeout(refusalTimeoutMs, () => socket.destroy());
  socket.on("error", () => socket.destroy());
  socket.once("end", () => socket.destroy());
  socket.resume();
  socket.end(refusalResponse);
}

const clientOf = (socket: Socket): string => `${socket.remoteAddress} ${socket.remotePort}`;

function isLoopback(address: string | undefined): boolean {
  if (address === undefined) return false;
  const plain = address.replace(/^::ffff:/, "");
  return loopback.check(plain, isIPv4(plain) ? "ipv4" : "ipv6");
}
