import {
  request as httpRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
} from "node:http";
import {
  createServer as createHttp2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { Socket } from "node:net";
import { duplexPair } from "node:stream";
import { errorText } from "@sandbank/core/errors";
import type { Logger } from "@sandbank/core/logger";
import { isConnectionHeader } from "@sandbank/protocol/forwarding";

/** How every connection of HTTP/2 without TLS begins; no method of HTTP/1 does. */
const prefaceStart = Buffer.from("PRI");
/** As long as a client of HTTP/1 has for its first request's headers (ms). */
const firstBytesTimeoutMs = 60_000;

/** Belongs to one connection of HTTP/1, and so not into HTTP/2; a body's length does. */
const isForeign = (name: string): boolean =>
  name === "http2-settings" || (name !== "content-length" && isConnectionHeader(name));

/**
 * Makes an HTTP/1 server take HTTP/2 too, from clients that know that it does (h2c with prior knowledge): the first
 * bytes of a connection tell which. Each stream becomes a request of HTTP/1 to the same server, inside this process.
 */
export class Http2Bridge {
  readonly #server: Server;
  readonly #http2 = createHttp2Server();
  readonly #listeners: ((socket: Socket) => void)[];
  readonly #undecided = new Set<Socket>();
  readonly #sessions = new Set<ServerHttp2Session>();

  constructor(server: Server, logger: Logger) {
    this.#server = server;
    this.#listeners = server.listeners("connection") as ((socket: Socket) => void)[];
    server.removeAllListeners("connection");
    server.on("connection", (socket: Socket) => this.#decide(socket));
    this.#http2.on("session", (session) => {
      this.#sessions.add(session);
      session.once("close", () => this.#sessions.delete(session));
    });
    this.#http2.on("sessionError", (error) =>
      logger.debug({ error: errorText(error) }, "no HTTP/2 with a client"),
    );
    this.#http2.on("stream", (stream, headers) => this.#carry(stream as ServerHttp2Stream, headers));
  }

  /** Takes no more streams and cuts connections that have not said anything; what is under way goes on. */
  drain(): void {
    for (const socket of this.#undecided) socket.destroy();
    for (const session of this.#sessions) session.close();
  }

  /** Cuts what is under way. */
  cut(): void {
    for (const session of this.#sessions) session.destroy();
  }

  #decide(socket: Socket): void {
    const end = (): void => void socket.destroy();
    const timer = setTimeout(end, firstBytesTimeoutMs);
    const decided = (): void => {
      clearTimeout(timer);
      this.#undecided.delete(socket);
    };
    this.#undecided.add(socket);
    socket.on("error", end);
    socket.once("close", decided);
    const look = (): void => {
      const first = socket.read() as Buffer | null;
      if (first === null) {
        end();
        return;
      }
      socket.unshift(first);
      const known = Math.min(first.length, prefaceStart.length);
      const mayBeHttp2 = first.subarray(0, known).equals(prefaceStart.subarray(0, known));
      if (mayBeHttp2 && known < prefaceStart.length) {
        socket.once("readable", look);
        return;
      }
      decided();
      socket.removeListener("close", decided);
      socket.removeListener("error", end);
      if (mayBeHttp2) this.#http2.emit("connection", socket);
      else for (const listener of this.#listeners) listener.call(this.#server, socket);
    };
    socket.once("readable", look);
  }

  #carry(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const [near, far] = duplexPair();
    // An end in disorder is not passed on by the pair itself.
    near.once("close", () => far.destroy());
    far.once("close", () => near.destroy());
    for (const listener of this.#listeners) listener.call(this.#server, far as Socket);
    const request = httpRequest({
      createConnection: () => near,
      method: headers[":method"],
      path: headers[":path"],
      headers: requestHeaders(headers),
    });
    // Ended with an error, or the part of a body that has come would look whole.
    const fail = (): void => void stream.destroy(new Error("the request was cut"));
    request.on(
      "information",
      ({ statusCode, headers: early }: { statusCode: number; headers: OutgoingHttpHeaders }) => {
        if (statusCode !== 101 && !stream.closed && !stream.headersSent) {
          stream.additionalHeaders({ ...withoutHopHeaders(early), ":status": statusCode });
        }
      },
    );
    request.on("response", (answer) => respond(stream, answer, fail));
    request.on("error", fail);
    // The client has gone, or nobody has read its body to the end.
    stream.on("close", () => request.destroy());
    stream.on("error", () => request.destroy());
    stream.pipe(request);
  }
}

function respond(stream: ServerHttp2Stream, answer: IncomingMessage, fail: () => void): void {
  if (stream.closed) return;
  stream.respond({ ...withoutHopHeaders(answer.headers), ":status": answer.statusCode });
  answer.pipe(stream, { end: false });
  answer.once("close", () => {
    if (answer.complete) stream.end();
    else fail();
  });
  answer.on("error", fail);
}

function requestHeaders(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  const plain: OutgoingHttpHeaders = { ...withoutHopHeaders(headers), connection: "close" };
  if (headers[":authority"] !== undefined) plain.host = headers[":authority"];
  // HTTP/2 may split the cookies of a request.
  if (Array.isArray(headers.cookie)) plain.cookie = headers.cookie.join("; ");
  return plain;
}

function withoutHopHeaders(headers: OutgoingHttpHeaders): OutgoingHttpHeaders {
  const kept = Object.entries(headers).filter(([name]) => !name.startsWith(":") && !isForeign(name));
  return Object.fromEntries(kept);
}
