import { AppError } from "@sandbank/core/errors";

/** Flag byte of the frame that ends a Connect stream. */
export const endOfStream = 0x02;
const compressedFlag = 0x01;
const headerBytes = 5;

/** The largest message taken from a client. */
export const maxMessageBytes = 32 * 1024 * 1024;

export interface Frame {
  flags: number;
  payload: Buffer;
}

/** One flag byte, four bytes of length (big-endian), the payload. */
export function encodeFrame(flags: number, payload: string | Uint8Array): Buffer {
  const length = typeof payload === "string" ? Buffer.byteLength(payload) : payload.length;
  const frame = Buffer.allocUnsafe(headerBytes + length);
  frame[0] = flags;
  frame.writeUInt32BE(length, 1);
  if (typeof payload === "string") frame.write(payload, headerBytes, "utf8");
  else frame.set(payload, headerBytes);
  return frame;
}

/** Cuts a byte stream into frames. Holds no more than one message; throws on one that is too large. */
export class FrameDecoder {
  #chunks: Buffer[] = [];
  #have = 0;
  #need = headerBytes;

  /** True when bytes of an unfinished frame are waiting. */
  get partial(): boolean {
    return this.#have > 0;
  }

  push(chunk: Uint8Array): Frame[] {
    this.#chunks.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    this.#have += chunk.length;
    if (this.#have < this.#need) return [];
    let bytes = this.#chunks.length === 1 && this.#chunks[0] ? this.#chunks[0] : Buffer.concat(this.#chunks);
    const frames: Frame[] = [];
    for (this.#need = headerBytes; bytes.length >= headerBytes;) {
      const length = bytes.readUInt32BE(1);
      if (length > maxMessageBytes) throw tooLarge(length);
      if (bytes.length < headerBytes + length) {
        this.#need = headerBytes + length;
        break;
      }
      frames.push({ flags: bytes[0] ?? 0, payload: bytes.subarray(headerBytes, headerBytes + length) });
      bytes = bytes.subarray(headerBytes + length);
    }
    this.#chunks = bytes.length > 0 ? [bytes] : [];
    this.#have = bytes.length;
    return frames;
  }
}

/** Whether a frame carries a compressed message. */
export function isCompressed(frame: Frame): boolean {
  return (frame.flags & compressedFlag) !== 0;
}

export function tooLarge(bytes: number): AppError {
  return new AppError({
    code: "resource_exhausted",
    message: `message of ${bytes} bytes is larger than the limit of ${maxMessageBytes}`,
  });
}
