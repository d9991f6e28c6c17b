import {
  request as httpRequest,
  type ClientRequest,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import {
  discardBody,
  forwardedHeaders,
  forwardedStatus,
  hasBody,
  hasHeader,
} from "@sandbank/protocol/forwarding";
import { outboundHeaders } from "./header-injection.ts";
import { sendRefusal, type ExchangeSession } from "./session.ts";

/** As large as servers' answers may be in practice; a request's are bounded by the server that parses them. */
export const maxHeaderBytes = 256 * 1024;

/** One request of a program in a sandbox on its way to the real server, and the answer; bodies stream. */
export class OutboundExchange {
  readonly #session: ExchangeSession;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  #upstream: ClientRequest | undefined;
  #continued = false;
  #over = false;

  constructor(session: ExchangeSession, request: IncomingMessage, response: ServerResponse) {
    this.#session = session;
    this.#request = request;
    this.#response = response;
  }

  async start(): Promise<void> {
    if (!this.#session.begin()) return;
    this.#response.on("close", () => this.#finish());
    this.#response.on("error", () => this.#finish());
    this.#request.on("error", () => this.#finish());
    const admission = await this.#session.admit(this.#request);
    if (this.#over) return;
    if ("reason" in admission) sendRefusal(this.#request, this.#response, admission);
    else this.#send(admission.headers);
  }

  #send(injected: string[]): void {
    const request = this.#request;
    const { method = "GET", url = "/", rawHeaders } = request;
    const headers = outboundHeaders(rawHeaders, request.headers.connection, injected);
    const withBody = hasBody(request);
    if (hasHeader(rawHeaders, "transfer-encoding")) headers.push("Transfer-Encoding", "chunked");
    else if (
      !withBody &&
      !["GET", "HEAD", "OPTIONS"].includes(method) &&
      !hasHeader(headers, "content-length")
    ) {
      // Node frames a body of unknown length where a method usually has one; there is none.
      headers.push("Content-Length", "0");
    }
    const { agent } = this.#session;
    const upstream = httpRequest({ agent, method, path: url, headers, maxHeaderSize: maxHeaderBytes });
    this.#upstream = upstream;
    upstream.on("continue", () => {
      this.#continued = true;
      if (!this.#over && !this.#response.headersSent) this.#response.writeContinue();
    });
    upstream.on("response", (answer) => this.#relay(answer));
    upstream.on("error", (error) => this.#fail(error, upstream.reusedSocket));
    if (!withBody) upstream.end();
    // The body waits in the client until there is a connection.
    else upstream.once("socket", () => this.#sendBody(upstream));
  }

  #sendBody(upstream: ClientRequest): void {
    this.#request.pipe(upstream);
    // Headers leave together with a body that is there already, and alone when it takes longer.
    setImmediate(() => {
      if (!this.#over && !this.#request.readableDidRead) upstream.flushHeaders();
    });
  }

  #relay(answer: IncomingMessage): void {
    const response = this.#response;
    const line = forwardedStatus(answer);
    if (!line) {
      this.#fail(new Error(`it answered with status ${answer.statusCode}`), false);
      this.#upstream?.destroy();
      return;
    }
    // Without its "100 Continue" the client may never send the body, and the next request could not be told from it.
    const bodyUnclear = this.#request.headers.expect !== undefined && !this.#continued;
    if (bodyUnclear || answer.headers.connection?.toLowerCase() === "close") response.shouldKeepAlive = false;
    response.sendDate = false;
    const headers = forwardedHeaders(answer.rawHeaders, answer.headers.connection);
    response.writeHead(line.status, line.text, headers);
    answer.on("error", () => this.#reset());
    answer.on("close", () => {
      if (!answer.complete) this.#reset();
    });
    answer.once("end", () => this.#dropBody());
    answer.pipe(response);
    setImmediate(() => {
      if (!this.#over && !answer.readableDidRead && !response.writableEnded) response.flushHeaders();
    });
  }

  /** The server answered without reading everything: what is left must not stand in the next request's way. */
  #dropBody(): void {
    if (this.#request.complete) return;
    discardBody(this.#request);
    this.#upstream?.destroy();
  }

  #fail(error: Error, reusedSocket: boolean): void {
    if (this.#over) return;
    if (this.#response.headersSent) {
      // What the answer lacks, its own listeners have seen; after all of it an error means nothing.
      if (!this.#response.writableEnded) this.#reset();
      return;
    }
    const refusal = this.#session.failureOf(error, reusedSocket);
    if (refusal) sendRefusal(this.#request, this.#response, refusal);
    else this.#reset();
  }

  #reset(): void {
    if (!this.#response.writableFinished) this.#session.reset();
    this.#finish();
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#session.finish();
    if (!this.#response.writableFinished) this.#upstream?.destroy();
  }
}
