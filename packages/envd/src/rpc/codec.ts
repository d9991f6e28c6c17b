import { AppError } from "@sandbank/core/errors";
import type { OutputKind } from "../process/events.ts";
import { isObject, type JsonObject } from "./fields.ts";
import { encodeFrame } from "./frames.ts";

/** How messages look on the wire. Handlers know only their protojson form. */
export interface Codec {
  /** `json` or `proto`, as in the content type. */
  readonly name: "json" | "proto";
  decode(method: string, bytes: Uint8Array): JsonObject;
  encode(method: string, message: JsonObject): string | Uint8Array;
  /** A whole frame with one piece of a process's output: the hot road. */
  outputFrame(kind: OutputKind, bytes: Uint8Array): Buffer;
}

const decoder = new TextDecoder("utf-8", { fatal: true });
const outputTail = '"}}}';
const outputHeads: Record<OutputKind, string> = {
  stdout: '{"event":{"data":{"stdout":"',
  stderr: '{"event":{"data":{"stderr":"',
  pty: '{"event":{"data":{"pty":"',
};

/** protojson, written by hand: what every published SDK speaks. */
export const jsonCodec: Codec = {
  name: "json",
  decode(_method, bytes) {
    let value: unknown;
    try {
      value = JSON.parse(decoder.decode(bytes));
    } catch (cause) {
      throw new AppError({ code: "invalid_argument", message: "the message is not valid JSON", cause });
    }
    if (isObject(value)) return value;
    throw new AppError({ code: "invalid_argument", message: "the message is not a JSON object" });
  },
  encode: (_method, message) => JSON.stringify(message),
  outputFrame(kind, bytes) {
    const head = outputHeads[kind];
    const base64Length = Math.ceil(bytes.length / 3) * 4;
    const length = head.length + base64Length + outputTail.length;
    const frame = Buffer.allocUnsafe(5 + length);
    frame[0] = 0;
    frame.writeUInt32BE(length, 1);
    frame.write(head, 5, "latin1");
    const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    frame.write(source.toString("base64"), 5 + head.length, "latin1");
    frame.write(outputTail, 5 + head.length + base64Length, "latin1");
    return frame;
  },
};

/** The end-of-stream frame, which is JSON in every codec. */
export function endFrame(error?: { code: string; message: string }): Buffer {
  return encodeFrame(2, error ? JSON.stringify({ error }) : "{}");
}
