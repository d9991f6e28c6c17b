import type { ServerResponse } from "node:http";
import { AppError } from "@sandbank/core/errors";
import type { OutputKind } from "../process/events.ts";
import { type Codec, endFrame } from "./codec.ts";
import { connectCode } from "./errors.ts";
import type { JsonObject } from "./fields.ts";
import { encodeFrame } from "./frames.ts";

/** The answer of a server-streaming call. */
export class MessageStream {
  readonly #response: ServerResponse;
  readonly #codec: Codec;
  readonly #method: string;
  #drain: Promise<void> | undefined;
  #lastMs = performance.now();
  #keepalive: NodeJS.Timeout | undefined;
  readonly #closed = Promise.withResolvers<void>();
  #open = true;

  constructor(response: ServerResponse, codec: Codec, method: string) {
    this.#response = response;
    this.#codec = codec;
    this.#method = method;
    response.writeHead(200, { "content-type": `application/connect+${codec.name}` });
    response.on("close", () => this.#close());
    response.on("error", () => this.#close());
  }

  /** Resolves when the stream has ended or the client has gone. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** A promise when the client is behind; it resolves, too, when it has gone. */
  send(message: JsonObject): Promise<void> | undefined {
    return this.#write(encodeFrame(0, this.#codec.encode(this.#method, message)));
  }

  sendOutput(kind: OutputKind, bytes: Uint8Array): Promise<void> | undefined {
    return this.#write(this.#codec.outputFrame(kind, bytes));
  }

  /** `last` goes out in the same packet as the end. */
  end(last?: JsonObject): void {
    this.#finish(last, endFrame());
  }

  fail(error: AppError): void {
    this.#finish(undefined, endFrame({ code: connectCode(error.code), message: error.message }));
  }

  /** Sends `message` whenever nothing was sent for `intervalMs`. */
  keepAlive(message: JsonObject, intervalMs: number): void {
    if (!this.#open) return;
    const check = (): void => {
      const quietMs = performance.now() - this.#lastMs;
      // A reader that is behind has enough to read.
      if (quietMs >= intervalMs && !this.#drain) void this.send(message);
      this.#keepalive = setTimeout(check, Math.max(intervalMs - Math.max(quietMs % intervalMs, 0), 1));
    };
    this.#keepalive = setTimeout(check, intervalMs);
  }

  /** Fails the stream with `deadline_exceeded` when it lasts longer; `onDeadline` comes first. */
  endAfter(timeoutMs: number | undefined, onDeadline?: () => void): void {
    if (timeoutMs === undefined || !this.#open) return;
    const timer = setTimeout(() => {
      onDeadline?.();
      this.fail(new AppError({ code: "deadline_exceeded", message: "the deadline of the call has passed" }));
    }, timeoutMs);
    void this.closed.then(() => clearTimeout(timer));
  }

  #write(frame: Buffer): Promise<void> | undefined {
    if (!this.#open) return undefined;
    this.#lastMs = performance.now();
    if (this.#response.write(frame)) return undefined;
    this.#drain ??= new Promise((resolve) => {
      const done = (): void => {
        this.#drain = undefined;
        this.#response.off("drain", done);
        resolve();
      };
      this.#response.on("drain", done);
      void this.closed.finally(done);
    });
    return this.#drain;
  }

  #finish(last: JsonObject | undefined, end: Buffer): void {
    if (!this.#open) return;
    const frames = last ? [encodeFrame(0, this.#codec.encode(this.#method, last)), end] : [end];
    this.#response.end(frames.length === 1 ? end : Buffer.concat(frames));
    this.#close();
  }

  #close(): void {
    if (!this.#open) return;
    this.#open = false;
    clearTimeout(this.#keepalive);
    this.#closed.resolve();
  }
}
