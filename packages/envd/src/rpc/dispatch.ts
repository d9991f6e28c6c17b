import type { IncomingMessage, ServerResponse } from "node:http";
import { AppError, errorText } from "@sandbank/core/errors";
import type { Logger } from "@sandbank/core/logger";
import { httpStatusOf } from "@sandbank/protocol/error-tables";
import type { SandboxState } from "../state.ts";
import { type Call, callOf } from "./call.ts";
import { type Codec, jsonCodec } from "./codec.ts";
import { connectCode, toClientError } from "./errors.ts";
import type { JsonObject } from "./fields.ts";
import { endOfStream, type Frame, FrameDecoder, isCompressed, maxMessageBytes, tooLarge } from "./frames.ts";
import { decompress } from "./decompress.ts";
import { MessageStream } from "./message-stream.ts";
import type { Method, MethodTable } from "./method.ts";

/** The Connect protocol over HTTP/1.1, for the methods of a table. */
export class RpcDispatcher {
  readonly #methods: MethodTable;
  readonly #state: SandboxState;
  readonly #logger: Logger;

  constructor(methods: MethodTable, state: SandboxState, logger: Logger) {
    this.#methods = methods;
    this.#state = state;
    this.#logger = logger;
  }

  /** False when the path names no procedure. */
  handle(path: string, request: IncomingMessage, response: ServerResponse): boolean {
    const method = this.#methods.get(path);
    if (!method) return false;
    if (request.method !== "POST") {
      response.writeHead(405, { allow: "POST" }).end();
      return true;
    }
    const type = (request.headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
    const wanted = method.kind === "unary" ? "application/" : "application/connect+";
    const codecName = type.startsWith(wanted) ? type.slice(wanted.length) : "";
    if (codecName === "json") this.#serve(path, method, jsonCodec, request, response);
    else if (codecName === "proto") {
      // Only third-party clients speak it: nobody else pays for loading it.
      import("./binary-codec.ts").then(
        ({ binaryCodec }) => this.#serve(path, method, binaryCodec, request, response),
        (error: unknown) => this.#failUnary(response, error),
      );
    } else {
      response
        .writeHead(415, { "accept-post": `${wanted}json, ${wanted}proto`, "content-length": "0" })
        .end();
    }
    return true;
  }

  #serve(
    path: string,
    method: Method,
    codec: Codec,
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    switch (method.kind) {
      case "unary":
        this.#unary(path, method, codec, request, response).catch((error: unknown) => {
          this.#failUnary(response, error);
        });
        break;
      case "serverStream":
        this.#serverStream(path, method, codec, request, response);
        break;
      case "clientStream":
        this.#clientStream(path, method, codec, request, response).catch((error: unknown) => {
          this.#failStream(new MessageStream(response, codec, path), error);
        });
        break;
    }
  }

  async #unary(
    path: string,
    method: Method & { kind: "unary" },
    codec: Codec,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const call = callOf(request, this.#state);
    const input = codec.decode(
      path,
      await decompress(await readMessage(request), request.headers["content-encoding"]),
    );
    const output = codec.encode(path, await method.run(input, call));
    const body = typeof output === "string" ? Buffer.from(output) : output;
    response
      .writeHead(200, { "content-type": `application/${codec.name}`, "content-length": String(body.length) })
      .end(body);
  }

  /** The call starts with the first whole message: the end of the request's body may be a packet behind. */
  #serverStream(
    path: string,
    method: Method & { kind: "serverStream" },
    codec: Codec,
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    const decoder = new FrameDecoder();
    let stream: MessageStream | undefined;
    const begin = (): MessageStream => (stream ??= new MessageStream(response, codec, path));
    const start = async (frame: Frame): Promise<void> => {
      const call: Call = callOf(request, this.#state);
      const message = this.#message(path, codec, request, frame);
      await method.run(message instanceof Promise ? await message : message, call, begin());
    };
    const fail = (error: unknown): void => this.#failStream(begin(), error);
    request.on("data", (chunk: Buffer) => {
      if (stream) return;
      try {
        const [first] = decoder.push(chunk);
        if (first) {
          begin();
          start(first).catch(fail);
        }
      } catch (error) {
        fail(error);
      }
    });
    request.on("end", () => {
      if (stream) return;
      fail(new AppError({ code: "invalid_argument", message: "the request ended before its message" }));
    });
    request.on("error", () => undefined);
  }

  async #clientStream(
    path: string,
    method: Method & { kind: "clientStream" },
    codec: Codec,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const output = await method.run(this.#messages(path, codec, request), callOf(request, this.#state));
    new MessageStream(response, codec, path).end(output);
  }

  async *#messages(path: string, codec: Codec, request: IncomingMessage): AsyncGenerator<JsonObject> {
    const decoder = new FrameDecoder();
    for await (const chunk of request as AsyncIterable<Buffer>) {
      for (const frame of decoder.push(chunk)) {
        if (frame.flags & endOfStream) return;
        yield await this.#message(path, codec, request, frame);
      }
    }
    if (decoder.partial)
      throw new AppError({ code: "invalid_argument", message: "the request ended within a message" });
  }

  #message(
    path: string,
    codec: Codec,
    request: IncomingMessage,
    frame: Frame,
  ): JsonObject | Promise<JsonObject> {
    const encoding = isCompressed(frame)
      ? (request.headers["connect-content-encoding"] ?? "identity")
      : undefined;
    if (encoding === "identity")
      throw new AppError({ code: "internal", message: "compressed frame without an encoding" });
    return decompress(frame.payload, encoding).then((bytes) => codec.decode(path, bytes));
  }

  #failUnary(response: ServerResponse, error: unknown): void {
    const known = this.#clientError(error);
    if (response.headersSent) return void response.destroy();
    const body = JSON.stringify({ code: connectCode(known.code), message: known.message });
    response
      .writeHead(httpStatusOf[known.code], {
        "content-type": "application/json",
        "content-length": String(Buffer.byteLength(body)),
      })
      .end(body);
  }

  #failStream(stream: MessageStream, error: unknown): void {
    stream.fail(this.#clientError(error));
  }

  #clientError(error: unknown): AppError {
    const known = toClientError(error);
    if (known.code === "internal") this.#logger.error({ error: errorText(error) }, "rpc failed");
    return known;
  }
}

async function readMessage(request: IncomingMessage): Promise<Buffer> {
  const announced = Number(request.headers["content-length"] ?? 0);
  if (announced > maxMessageBytes) throw tooLarge(announced);
  const chunks: Buffer[] = [];
  let total = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    total += chunk.length;
    if (total > maxMessageBytes) throw tooLarge(total);
    chunks.push(chunk);
  }
  return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
}
