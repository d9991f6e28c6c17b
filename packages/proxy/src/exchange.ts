import type { ClientRequest, IncomingMessage, ServerResponse } from "node:http";
import { errorText } from "@sandbank/core/errors";
import type { Logger } from "@sandbank/core/logger";
import { type EdgeError, portNotOpen, sandboxNotFound, sendError, serviceFailed } from "./edge-error.ts";
import { KernelRelay } from "./kernel-relay.ts";
import type { LiveStream, LiveStreams, Traffic } from "./live-streams.ts";
import { discardBody, forwardedHeaders, forwardedStatus, hasBody } from "@sandbank/protocol/forwarding";
import { resetSocket } from "@sandbank/protocol/reset-socket";
import { UpstreamCall, type UpstreamFailure, type UpstreamTarget } from "./upstream-call.ts";

export interface ExchangeContext {
  sandboxId: string;
  port: number;
  live: LiveStreams;
  logger: Logger;
  /** Whether the sandbox still is there; asked when a connection to it failed. */
  isThere: () => boolean;
  /** Told of every connection to it that failed, first of all. */
  failed: (failure: UpstreamFailure, error: NodeJS.ErrnoException) => void;
}

/** One request and its response on the way between a client and a sandbox. Nothing is buffered or looked into. */
export class Exchange implements LiveStream {
  readonly sandboxId: string;
  readonly #context: ExchangeContext;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #hasBody: boolean;
  #call: UpstreamCall | undefined;
  #relay: KernelRelay | undefined;
  #over = false;
  #continued = false;

  constructor(context: ExchangeContext, request: IncomingMessage, response: ServerResponse) {
    this.sandboxId = context.sandboxId;
    this.#context = context;
    this.#request = request;
    this.#response = response;
    this.#hasBody = hasBody(request);
  }

  start(target: UpstreamTarget): void {
    this.#context.live.add(this);
    const call = new UpstreamCall(target, {
      connected: (upstream) => this.#sendBody(upstream),
      continued: () => this.#onContinue(),
      answered: (answer) => this.#answered(answer),
      failed: (failure, error) => this.#onFailure(failure, error),
    });
    this.#call = call;
    // The client went away, or everything was sent.
    this.#response.on("close", () => this.#finish());
    this.#response.on("error", () => this.#finish());
    if (this.#hasBody) this.#request.on("error", () => this.#finish());
    call.start();
  }

  traffic(): Traffic {
    const { toSandbox = 0, fromSandbox = 0 } = this.#call?.traffic() ?? {};
    return { toSandbox, fromSandbox: fromSandbox + (this.#relay?.moved ?? 0) };
  }

  cut(reason: "gone" | "shutdown"): void {
    if (this.#over) return;
    this.#relay?.cancel();
    this.#call?.abort();
    if (reason === "gone" && !this.#response.headersSent) this.#answer(sandboxNotFound(this.sandboxId));
    else this.#reset();
  }

  #sendBody(upstream: ClientRequest): void {
    if (!this.#hasBody) {
      upstream.end();
      return;
    }
    this.#request.pipe(upstream);
    // Headers leave together with a body that is there already, and alone when it takes longer.
    setImmediate(() => {
      if (!this.#over && !this.#request.readableDidRead) upstream.flushHeaders();
    });
  }

  #onContinue(): void {
    this.#continued = true;
    if (!this.#over && !this.#response.headersSent) this.#response.writeContinue();
  }

  #answered(answer: IncomingMessage): void {
    const response = this.#response;
    const line = forwardedStatus(answer);
    if (!line) {
      this.#call?.abort();
      this.#onFailure("broken", new Error(`the service answered with status ${answer.statusCode}`));
      return;
    }
    // Without its "100 Continue" the client may never send the body, and the next request could not be told from it.
    if (this.#request.headers.expect !== undefined && !this.#continued) response.shouldKeepAlive = false;
    response.sendDate = false;
    const headers = forwardedHeaders(answer.rawHeaders, answer.headers.connection);
    response.writeHead(line.status, line.text, headers);
    answer.on("error", () => this.#reset());
    answer.on("close", () => {
      if (!answer.complete) this.#reset();
    });
    this.#relay = KernelRelay.start(answer, response, (error) => this.#onRelayed(error));
    if (this.#relay) return;
    answer.once("end", () => this.#drainRequest());
    answer.pipe(response);
    setImmediate(() => {
      if (!this.#over && !answer.readableDidRead && !response.writableEnded) response.flushHeaders();
    });
  }

  #onRelayed(error: Error | undefined): void {
    if (error) {
      this.#reset();
      return;
    }
    this.#response.end();
    this.#finish();
    // Node still waits for a body on it.
    this.#call?.abort();
  }

  /** The service answered without reading everything: what is left of the body must not stand in the next request's way. */
  #drainRequest(): void {
    if (this.#request.complete) return;
    discardBody(this.#request);
    this.#call?.abort();
  }

  #onFailure(failure: UpstreamFailure, error: Error): void {
    const { sandboxId, port, logger } = this.#context;
    if (this.#over) return;
    this.#context.failed(failure, error);
    if (failure !== "refused") {
      logger.warn({ sandboxId, port, failure, error: errorText(error) }, "request to a sandbox failed");
    }
    if (this.#response.headersSent) this.#reset();
    else this.#answer(edgeErrorOf(failure, this.#context));
  }

  #answer(error: EdgeError): void {
    this.#over = true;
    this.#context.live.delete(this);
    if (this.#response.destroyed) return;
    sendError(this.#request, this.#response, error);
  }

  /** The client must not take a part for the whole: the connection is reset, not closed. */
  #reset(): void {
    if (this.#over) return;
    this.#relay?.cancel();
    const { socket, writableFinished } = this.#response;
    if (socket && !writableFinished) resetSocket(socket);
    this.#finish();
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#relay?.cancel();
    this.#context.live.delete(this);
    if (!this.#response.writableFinished) this.#call?.abort();
  }
}

/** What a client is told about a failed connection to its sandbox. */
export function edgeErrorOf(failure: UpstreamFailure, context: ExchangeContext): EdgeError {
  const { sandboxId, port } = context;
  if (!context.isThere()) return sandboxNotFound(sandboxId);
  if (failure === "refused") return portNotOpen(sandboxId, port);
  if (failure === "broken")
    return serviceFailed(sandboxId, port, "its service ended the connection unanswered");
  if (failure === "insecure")
    return serviceFailed(sandboxId, port, "its service on this port, one of httpsPorts, does not speak TLS");
  return serviceFailed(sandboxId, port, "could not be reached");
}
