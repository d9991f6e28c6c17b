import type { Agent, IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { SecureContext, TLSSocket } from "node:tls";
import { discardBody } from "@sandbank/protocol/forwarding";
import { resetSocket } from "@sandbank/protocol/reset-socket";
import type { EgressRule } from "@sandbank/protocol/egress-policy";
import { type Refusal, refusalOf } from "./admission.ts";
import { injectionOf } from "./header-injection.ts";
import type { SecretVault } from "./secret-vault.ts";
import type { Decision, DecisionReason } from "../decision.ts";
import { UpstreamError, VerifiedAgent } from "./verified-agent.ts";

/** Requests that a client may send ahead of their answers. */
const maxPipelined = 16;

/** A TLS connection of a sandbox that is to be intercepted. */
export interface InterceptedConnection {
  sandboxId: string;
  /** Lower-case, from the ClientHello. */
  serverName: string;
  destination: { address: string; port: number };
  /** What the client has sent so far, its ClientHello first. */
  initialBytes: Buffer;
  /** The rule for the server name, asked for each request; undefined when there is none any more. */
  rule: () => EgressRule | undefined;
}

export interface SessionOptions {
  connection: InterceptedConnection;
  /** The connection below TLS. */
  raw: Socket;
  tls: TLSSocket;
  dial: () => Promise<Socket>;
  upstreamContext: SecureContext;
  vault: SecretVault;
  report: (decision: Decision) => void;
}

/** What an exchange needs of the connection that it is on. */
export type ExchangeSession = Pick<Session, "begin" | "finish" | "admit" | "failureOf" | "reset"> & {
  /** Connects to where the request goes. */
  readonly agent: Agent;
};

/** One intercepted connection: the client's end of it, and the way to the real server. */
export class Session {
  readonly agent: VerifiedAgent;
  readonly #options: SessionOptions;
  #underWay = 0;
  #reportedRule = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.agent = new VerifiedAgent({
      serverName: options.connection.serverName,
      secureContext: options.upstreamContext,
      dial: options.dial,
      // An idle client learns that the server has closed, as it would without us.
      onClose: () => {
        if (this.#underWay === 0) options.tls.end();
      },
    });
    options.tls.on("close", () => this.agent.destroy());
  }

  /** Counts a request in. False when there are too many at once; the connection ends. */
  begin(): boolean {
    this.#underWay++;
    if (this.#underWay <= maxPipelined) return true;
    this.reset();
    return false;
  }

  finish(): void {
    this.#underWay--;
  }

  refusalOf(request: IncomingMessage): Refusal | undefined {
    const { serverName, destination } = this.#options.connection;
    return refusalOf(request, serverName, destination.port);
  }

  /** What the request gets, or why it goes nowhere; reported either way. */
  async admit(request: IncomingMessage): Promise<{ headers: string[] } | Refusal> {
    const { connection, vault } = this.#options;
    const refusal = this.refusalOf(request);
    if (refusal) {
      this.#report("denied", "host", refusal.reason);
      return refusal;
    }
    const rule = connection.rule();
    if (!rule) return { headers: [] };
    const injection = await injectionOf(rule, vault, connection.sandboxId);
    if ("problem" in injection) {
      this.#report("denied", "secret", injection.problem);
      return { status: 503, reason: injection.problem };
    }
    if (!this.#reportedRule) {
      this.#reportedRule = true;
      this.#report("allowed", "rule", Object.keys(rule.headers).join(", "));
    }
    return injection;
  }

  /** What a client is told when there was no answer; reports it. Undefined: the connection is to be reset instead. */
  failureOf(error: Error, reusedSocket: boolean): Refusal | undefined {
    if (error instanceof UpstreamError) {
      this.#report("denied", error.reason, error.message);
      return { status: 502, reason: error.message };
    }
    // A kept connection that the server closed: the client has its own way to deal with that.
    if (reusedSocket) return undefined;
    const { serverName } = this.#options.connection;
    const reason = `${serverName} ended the connection without an answer: ${error.message}`;
    this.#report("denied", "failed", reason);
    return { status: 502, reason };
  }

  /** Ends the client's connection so that it can't take a part for the whole. */
  reset(): void {
    resetSocket(this.#options.raw);
  }

  #report(verdict: Decision["verdict"], reason: DecisionReason, detail: string): void {
    const { connection, report } = this.#options;
    const { sandboxId, serverName, destination } = connection;
    report({ sandboxId, verdict, reason, protocol: "tcp", ...destination, name: serverName, detail });
  }
}

const bodyOf = ({ reason }: Refusal): string => `Sandbank's egress refused this: ${reason}\n`;

/** Our own answer in place of a server's. */
export function sendRefusal(request: IncomingMessage, response: ServerResponse, refusal: Refusal): void {
  const body = bodyOf(refusal);
  response.writeHead(refusal.status, {
    "content-type": "text/plain; charset=utf-8",
    "content-length": Buffer.byteLength(body),
    connection: "close",
  });
  response.end(body);
  discardBody(request);
}

/** The same where the connection is not HTTP's any more. */
export function sendRefusalRaw(client: Socket, refusal: Refusal): void {
  const body = bodyOf(refusal);
  client.end(
    `HTTP/1.1 ${refusal.status} Refused\r\nContent-Type: text/plain; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
