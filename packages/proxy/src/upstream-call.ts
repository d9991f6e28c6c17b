import { request as httpRequest, type Agent, type ClientRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Socket } from "node:net";
import { connect as tlsConnect } from "node:tls";
import { envdPort } from "@sandbank/protocol/headers";
import type { Traffic } from "./live-streams.ts";
import { dialLoopback } from "./loopback-dial.ts";

/** Dials in all before a port counts as closed; the n-th pause is n times `dialPauseMs`. */
const dialAttempts = 5;
const dialPauseMs = 100;
/** For one dial; inside one host an answer comes within a millisecond. */
const connectTimeoutMs = 5_000;
const maxHeaderBytes = 256 * 1024;

const nothingListens = new Set(["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "EHOSTDOWN", "ETIMEDOUT"]);

export interface UpstreamTarget {
  hostAddress: string;
  port: number;
  method: string;
  path: string;
  /** Flat name-value list. */
  headers: string[];
  agent: Agent;
  /** The service speaks TLS. `servername` is what it is told to be called; empty for nothing. */
  tls?: { servername: string } | undefined;
  /** For upgrades: the connection may be closed in one direction only. */
  allowHalfOpen?: boolean;
  /** The request may be sent again when a kept connection turns out to be closed: it has no body and is idempotent. */
  repeatable: boolean;
}

/**
 * `refused`: nobody listens, after all dials. `unreachable`: no connection for another reason. `insecure`: somebody
 * listens and does not speak TLS. `broken`: ended midway.
 */
export type UpstreamFailure = "refused" | "unreachable" | "insecure" | "broken";

export interface UpstreamListener {
  /** A connection is there; from now on the body may be written. Never called again after a body could have been sent. */
  connected(upstream: ClientRequest): void;
  continued(): void;
  answered(response: IncomingMessage): void;
  upgraded?(response: IncomingMessage, socket: Socket, head: Buffer): void;
  /** Called at most once, not after `abort`. */
  failed(failure: UpstreamFailure, error: Error): void;
}

/** One request to a sandbox: dials with patience, and says what became of it. */
export class UpstreamCall {
  readonly #target: UpstreamTarget;
  readonly #listener: UpstreamListener;
  #upstream: ClientRequest | undefined;
  #retry: NodeJS.Timeout | undefined;
  #attempt = 0;
  #repeats = 0;
  /** The dial under way goes through the sandbox's daemon, because nobody listens on the sandbox's address. */
  #bridged = false;
  #over = false;
  #socket: Socket | undefined;
  /** What the connection had carried before. */
  #before: Traffic = { toSandbox: 0, fromSandbox: 0 };

  constructor(target: UpstreamTarget, listener: UpstreamListener) {
    this.#target = target;
    this.#listener = listener;
  }

  /** Call once. */
  start(): void {
    const { hostAddress, port, method, path, headers, allowHalfOpen, tls } = this.#target;
    this.#attempt++;
    // After one closed connection the others of the pool are not worth trying.
    const agent = this.#repeats === 0 ? this.#target.agent : false;
    const options = { host: hostAddress, port, method, path, headers, agent, maxHeaderSize: maxHeaderBytes };
    if (allowHalfOpen) Object.assign(options, { allowHalfOpen });
    if (tls) Object.assign(options, { ...tls, rejectUnauthorized: false });
    if (this.#bridged) Object.assign(options, bridgeOptions(this.#target));
    const upstream = (tls ? httpsRequest : httpRequest)(options);
    this.#upstream = upstream;
    let connected = false;
    let dialled = false;
    upstream.on("socket", (socket) => {
      const ready = (): void => {
        connected = true;
        if (!this.#over) this.#listener.connected(upstream);
      };
      this.#socket = socket;
      this.#before = carried(socket);
      if (!socket.connecting) {
        ready();
        return;
      }
      socket.once("connect", () => (dialled = true));
      whenConnected(socket, tls ? "secureConnect" : "connect", ready);
    });
    upstream.on("continue", () => this.#listener.continued());
    upstream.on("response", (response) => this.#listener.answered(response));
    if (this.#listener.upgraded) {
      upstream.on("upgrade", (response, socket, head) => this.#listener.upgraded?.(response, socket, head));
    }
    upstream.on("error", (error) => {
      // Whatever breaks between the connection and the end of the handshake.
      const insecure = tls !== undefined && !connected && (dialled || "library" in error);
      this.#onError(upstream, connected, error, insecure);
    });
  }

  /** Ends the call and its connection without a word to the listener. */
  abort(): void {
    this.#over = true;
    clearTimeout(this.#retry);
    this.#upstream?.destroy();
  }

  /** What the connection has carried for this request. */
  traffic(): Traffic {
    const { toSandbox, fromSandbox } = carried(this.#socket);
    return {
      toSandbox: toSandbox - this.#before.toSandbox,
      fromSandbox: fromSandbox - this.#before.fromSandbox,
    };
  }

  #onError(
    upstream: ClientRequest,
    connected: boolean,
    error: NodeJS.ErrnoException,
    insecure: boolean,
  ): void {
    if (this.#over) return;
    const refused = !connected && !insecure && nothingListens.has(error.code ?? "");
    if (refused && !this.#bridged && this.#target.port !== envdPort) {
      this.#bridged = true;
      this.#attempt--;
      this.start();
      return;
    }
    this.#bridged = false;
    if (refused && this.#attempt < dialAttempts) {
      this.#retry = setTimeout(() => this.start(), this.#attempt * dialPauseMs);
      return;
    }
    if (connected && upstream.reusedSocket && this.#target.repeatable && this.#repeats++ === 0) {
      this.#attempt = 0;
      this.start();
      return;
    }
    this.#over = true;
    this.#listener.failed(failureOf({ refused, insecure, connected }), error);
  }
}

const carried = (socket: Socket | undefined): Traffic => ({
  toSandbox: socket?.bytesWritten ?? 0,
  fromSandbox: socket?.bytesRead ?? 0,
});

function failureOf(what: { refused: boolean; insecure: boolean; connected: boolean }): UpstreamFailure {
  if (what.refused) return "refused";
  if (what.insecure) return "insecure";
  return what.connected ? "broken" : "unreachable";
}

type Dialled = (error: Error | null, socket?: Socket) => void;

/** A connection of its own for this request, which the daemon joins with the program's loopback. */
const bridgeOptions = ({ hostAddress, port, tls }: UpstreamTarget) => ({
  // Node calls createConnection only where no agent is named.
  agent: undefined,
  createConnection: (_options: unknown, done: Dialled) => {
    dialLoopback(hostAddress, port, (error, socket) => {
      if (error || !socket || !tls) done(error, socket);
      else secure(socket, tls.servername, done);
    });
  },
});

function secure(socket: Socket, servername: string, done: Dialled): void {
  const secured = tlsConnect({ socket, servername, rejectUnauthorized: false, ALPNProtocols: ["http/1.1"] });
  const fail = (error: Error): void => done(error);
  secured.once("error", fail);
  whenConnected(secured, "secureConnect", () => {
    secured.off("error", fail);
    done(null, secured);
  });
}

function whenConnected(socket: Socket, event: "connect" | "secureConnect", ready: () => void): void {
  const timer = setTimeout(() => {
    socket.destroy(
      Object.assign(new Error(`no connection after ${connectTimeoutMs} ms`), { code: "ETIMEDOUT" }),
    );
  }, connectTimeoutMs);
  socket.once(event, ready);
  socket.once(event, () => clearTimeout(timer));
  socket.once("close", () => clearTimeout(timer));
}
