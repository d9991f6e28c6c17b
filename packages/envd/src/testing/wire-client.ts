import { type IncomingHttpHeaders, request } from "node:http";
import { connect } from "node:net";
import { encodeFrame, FrameDecoder } from "../rpc/frames.ts";

export interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export interface ProcessResult {
  pid: number;
  stdout: string;
  stderr: string;
  pty: string;
  /** Names of the events in their order. */
  events: string[];
  end: Record<string, unknown> | undefined;
  /** Payload of the end-of-stream frame. */
  last: { error?: { code: string; message: string } };
}

type Json = Record<string, unknown>;
type Headers = Record<string, string>;

/** Speaks to a daemon without any SDK. */
export class WireClient {
  readonly #port: number;
  headers: Headers = {};

  constructor(port: number) {
    this.#port = port;
  }

  http(method: string, path: string, headers: Headers = {}, body: string | Uint8Array = ""): Promise<Reply> {
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    const call = request(
      {
        host: "127.0.0.1",
        port: this.#port,
        method,
        path,
        agent: false,
        headers: { ...this.headers, ...headers },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks),
          });
        });
      },
    );
    call.on("error", reject);
    call.end(body);
    return promise;
  }

  async unary(method: string, message: Json): Promise<{ status: number; body: Json }> {
    const reply = await this.http(
      "POST",
      `/${method}`,
      { "content-type": "application/json" },
      JSON.stringify(message),
    );
    return { status: reply.status, body: JSON.parse(reply.body.toString()) as Json };
  }

  async start(message: Json, headers: Headers = {}): Promise<ProcessResult> {
    return await this.follow("process.Process/Start", message, headers);
  }

  /** Runs a shell command to its end. */
  async sh(script: string, more: Json = {}, headers: Headers = {}): Promise<ProcessResult> {
    return await this.start(
      { process: { cmd: "/bin/sh", args: ["-c", script] }, stdin: false, ...more },
      headers,
    );
  }

  async follow(method: string, message: Json, headers: Headers = {}): Promise<ProcessResult> {
    const type = { "content-type": "application/connect+json", ...headers };
    const reply = await this.http("POST", `/${method}`, type, encodeFrame(0, JSON.stringify(message)));
    return collect(reply.body);
  }

  /** Sends bytes as they are and gives what comes back until the end or until `until` is in it. */
  raw(bytes: string | Uint8Array, until: string): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<string>();
    const socket = connect(this.#port, "127.0.0.1");
    let text = "";
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
      if (text.includes(until)) socket.destroy();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(text));
    socket.write(bytes);
    return promise;
  }
}

/** A stream of process events as one result. */
export function collect(body: Uint8Array): ProcessResult {
  const result: ProcessResult = {
    pid: 0,
    stdout: "",
    stderr: "",
    pty: "",
    events: [],
    end: undefined,
    last: {},
  };
  for (const frame of new FrameDecoder().push(body)) {
    const message = JSON.parse(frame.payload.toString()) as { event?: Record<string, Json> };
    if (frame.flags === 2) result.last = message as ProcessResult["last"];
    for (const [name, content] of Object.entries(message.event ?? {})) {
      result.events.push(name);
      if (name === "start") result.pid = content["pid"] as number;
      if (name === "end") result.end = content;
      if (name !== "data") continue;
      for (const [kind, base64] of Object.entries(content)) {
        result[kind as "stdout" | "stderr" | "pty"] += Buffer.from(base64 as string, "base64").toString();
      }
    }
  }
  return result;
}
