import { AppError } from "@sandbank/core/errors";
import { expect, it } from "vitest";
import { parseStartRequest } from "../process/start-request.ts";
import { InotifyParser } from "../system/inotify.ts";
import { binaryCodec } from "./binary-codec.ts";
import { type Codec, jsonCodec } from "./codec.ts";
import { bytesField } from "./fields.ts";
import { encodeFrame, FrameDecoder } from "./frames.ts";

const cases = 3000;

/** A small generator of repeatable randomness (mulberry32). */
function random(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % limit;
  };
}

const bytes = (next: (limit: number) => number, length: number): Buffer =>
  Buffer.from(Array.from({ length }, () => next(256)));

function split(next: (limit: number) => number, whole: Buffer): Buffer[] {
  const pieces: Buffer[] = [];
  for (let rest = whole; rest.length > 0;) {
    const length = 1 + next(Math.min(rest.length, 40));
    pieces.push(rest.subarray(0, length));
    rest = rest.subarray(length);
  }
  return pieces;
}

it("puts frames together again, however they are cut", () => {
  const next = random(1);
  for (let round = 0; round < cases; round++) {
    const payloads = Array.from({ length: next(5) }, () => bytes(next, next(100)));
    const decoder = new FrameDecoder();
    const frames = split(next, Buffer.concat(payloads.map((payload) => encodeFrame(0, payload)))).flatMap(
      (piece) => decoder.push(piece).map((frame) => Buffer.from(frame.payload)),
    );
    expect(Buffer.concat(frames)).toEqual(Buffer.concat(payloads));
    expect(frames.length).toBe(payloads.length);
    expect(decoder.partial).toBe(false);
  }
});

it("answers garbage with an error of its own kind, or takes it", () => {
  const next = random(2);
  const template =
    '{"process":{"cmd":"a","args":["b"],"envs":{"c":"d"},"cwd":"/"},"pty":{"size":{"cols":1}},"stdin":true}';
  const attempt = (codec: Codec, message: Buffer): void => {
    const decoder = new FrameDecoder();
    for (const piece of split(next, message)) {
      for (const frame of decoder.push(piece)) {
        const input = codec.decode("/process.Process/Start", frame.payload);
        parseStartRequest(input);
        bytesField(input, "tag");
      }
    }
  };
  const foreign: unknown[] = [];
  for (let round = 0; round < cases; round++) {
    const message = encodeFrame(0, Buffer.from(template));
    for (let changes = next(6); changes >= 0; changes--) message[next(message.length)] = next(256);
    const whole = round % 3 === 0 ? bytes(next, next(60)) : message;
    try {
      attempt(round % 2 === 0 ? jsonCodec : binaryCodec, whole);
    } catch (error) {
      if (!(error instanceof AppError)) foreign.push(error);
    }
  }
  expect(foreign).toEqual([]);
});

it("takes kernel events in any pieces", () => {
  const next = random(3);
  for (let round = 0; round < 500; round++) {
    const names = Array.from({ length: next(6) }, () => "n".repeat(next(30)));
    const whole = Buffer.concat(
      names.map((name, index) => {
        const padded = Buffer.alloc(Math.ceil((name.length + 1) / 16) * 16);
        padded.write(name);
        const head = Buffer.alloc(16);
        head.writeInt32LE(index, 0);
        head.writeUInt32LE(padded.length, 12);
        return Buffer.concat([head, padded]);
      }),
    );
    const parser = new InotifyParser();
    const events = split(next, whole).flatMap((piece) => parser.push(piece));
    expect(events.map(({ name }) => name)).toEqual(names);
  }
});
