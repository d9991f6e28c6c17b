import { request as httpRequest, type ClientRequest, type IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { outboundHeaders } from "./header-injection.ts";
import { maxHeaderBytes } from "./outbound-exchange.ts";
import { sendRefusalRaw, type ExchangeSession } from "./session.ts";
import { joinUpgraded, relayRefusedUpgrade } from "@sandbank/protocol/upgrade";

/** A request to change the protocol (WebSocket and any other): it gets its headers, then it is bytes both ways. */
export class OutboundTunnel {
  readonly #session: ExchangeSession;
  readonly #request: IncomingMessage;
  readonly #client: Socket;
  #upstream: ClientRequest | undefined;
  #server: Duplex | undefined;
  #answered = false;
  #over = false;

  constructor(session: ExchangeSession, request: IncomingMessage, client: Socket) {
    this.#session = session;
    this.#request = request;
    this.#client = client;
  }

  /** `early` is what the client sent behind its request. */
  async start(early: Buffer): Promise<void> {
    if (!this.#session.begin()) return;
    this.#client.setTimeout(0);
    this.#client.on("error", () => this.#end());
    this.#client.on("close", () => this.#onClose(this.#client, this.#server));
    const admission = await this.#session.admit(this.#request);
    if (this.#over) return;
    if ("reason" in admission) sendRefusalRaw(this.#client, admission);
    else this.#send(admission.headers, early);
  }

  #send(injected: string[], early: Buffer): void {
    const { method = "GET", url = "/", rawHeaders, headers } = this.#request;
    const sent = outboundHeaders(rawHeaders, headers.connection, injected);
    sent.push("Connection", "Upgrade", "Upgrade", headers.upgrade ?? "");
    const { agent } = this.#session;
    const upstream = httpRequest({ agent, method, path: url, headers: sent, maxHeaderSize: maxHeaderBytes });
    this.#upstream = upstream;
    upstream.on("upgrade", (answer, server, head) => this.#join(answer, server, head, early));
    upstream.on("response", (answer) => this.#relayRefusal(answer));
    upstream.on("error", (error) => this.#fail(error));
    upstream.end();
  }

  #join(answer: IncomingMessage, server: Duplex, head: Buffer, early: Buffer): void {
    const client = this.#client;
    this.#server = server;
    this.#answered = true;
    if (this.#over) {
      server.destroy();
      return;
    }
    server.on("error", () => this.#end());
    server.on("close", () => this.#onClose(server, client));
    joinUpgraded(client, server, answer, { fromServer: head, fromClient: early });
  }

  /** The server did not change the protocol: its answer goes out as an ordinary one, and the connection ends with it. */
  #relayRefusal(answer: IncomingMessage): void {
    if (this.#over) return;
    this.#answered = true;
    relayRefusedUpgrade(this.#client, answer, () => this.#end());
  }

  #fail(error: Error): void {
    if (this.#over) return;
    const refusal = this.#answered ? undefined : this.#session.failureOf(error, false);
    if (refusal) sendRefusalRaw(this.#client, refusal);
    else this.#end();
  }

  /** An end that said all it had to say leaves the other one the time to take it; any other end cuts both. */
  #onClose(closed: Duplex, other: Duplex | undefined): void {
    if (closed.readableEnded && other?.writableEnded && !other.writableFinished) {
      other.once("finish", () => this.#end());
    } else this.#end();
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#session.finish();
    this.#upstream?.destroy();
    this.#server?.destroy();
    this.#client.destroy();
  }
}
