import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { errorText } from "@sandbank/core/errors";
import { sandboxNotFound, sendErrorRaw } from "./edge-error.ts";
import { edgeErrorOf, type ExchangeContext } from "./exchange.ts";
import type { LiveStream, Traffic } from "./live-streams.ts";
import { resetSocket } from "@sandbank/protocol/reset-socket";
import { joinUpgraded, relayRefusedUpgrade } from "@sandbank/protocol/upgrade";
import { UpstreamCall, type UpstreamFailure, type UpstreamTarget } from "./upstream-call.ts";

const probeIdleMs = 30_000;

/** A connection that changes its protocol (WebSocket and any other): after the answer it is bytes both ways. */
export class Tunnel implements LiveStream {
  readonly sandboxId: string;
  readonly #context: ExchangeContext;
  readonly #request: IncomingMessage;
  readonly #client: Socket;
  #call: UpstreamCall | undefined;
  #service: Socket | undefined;
  #answered = false;
  #over = false;

  constructor(context: ExchangeContext, request: IncomingMessage, client: Socket) {
    this.sandboxId = context.sandboxId;
    this.#context = context;
    this.#request = request;
    this.#client = client;
  }

  start(target: UpstreamTarget, early: Buffer): void {
    this.#context.live.add(this);
    this.#client.setTimeout(0);
    this.#client.on("error", () => this.#end());
    this.#client.on("close", () => this.#onClose(this.#client, this.#service));
    const call = new UpstreamCall(target, {
      connected: (upstream) => upstream.end(),
      continued: () => undefined,
      answered: (answer) => this.#relayRefusal(answer),
      upgraded: (answer, service, head) => this.#join(answer, service, head, early),
      failed: (failure, error) => this.#onFailure(failure, error),
    });
    this.#call = call;
    call.start();
  }

  traffic(): Traffic {
    return this.#call?.traffic() ?? { toSandbox: 0, fromSandbox: 0 };
  }

  cut(reason: "gone" | "shutdown"): void {
    if (this.#over) return;
    if (reason === "gone" && !this.#answered) {
      this.#over = true;
      sendErrorRaw(this.#request, this.#client, sandboxNotFound(this.sandboxId));
      this.#call?.abort();
      return;
    }
    this.#end();
  }

  #join(answer: IncomingMessage, service: Socket, head: Buffer, early: Buffer): void {
    const client = this.#client;
    this.#service = service;
    if (this.#over) {
      service.destroy();
      return;
    }
    this.#answered = true;
    service.setTimeout(0);
    service.setNoDelay(true);
    service.setKeepAlive(true, probeIdleMs);
    client.setNoDelay(true);
    client.setKeepAlive(true, probeIdleMs);
    service.on("error", () => this.#end());
    service.on("close", () => this.#onClose(service, client));
    // The sockets close when both directions have ended.
    joinUpgraded(client, service, answer, { fromServer: head, fromClient: early });
  }

  /** The service did not change the protocol: its answer goes out as an ordinary one, and the connection ends with it. */
  #relayRefusal(answer: IncomingMessage): void {
    if (this.#over) return;
    this.#answered = true;
    relayRefusedUpgrade(this.#client, answer, () => this.#end());
  }

  #onFailure(failure: UpstreamFailure, error: Error): void {
    const { sandboxId, port, logger } = this.#context;
    if (this.#over) return;
    this.#context.failed(failure, error);
    if (failure !== "refused") {
      logger.warn({ sandboxId, port, failure, error: errorText(error) }, "upgrade to a sandbox failed");
    }
    if (this.#answered) {
      this.#end();
      return;
    }
    this.#over = true;
    this.#context.live.delete(this);
    sendErrorRaw(this.#request, this.#client, edgeErrorOf(failure, this.#context));
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#context.live.delete(this);
    this.#call?.abort();
    resetSocket(this.#client);
    if (this.#service) resetSocket(this.#service);
  }

  /** An end that said all it had to say leaves the other one the time to take it; any other end cuts both. */
  #onClose(closed: Socket, other: Socket | undefined): void {
    if (this.#over) return;
    if (closed.readableEnded && other?.writableEnded && !other.destroyed) other.destroySoon();
    else this.#end();
  }
}
