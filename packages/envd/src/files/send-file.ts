import type { FileHandle } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import type { FileIo } from "./file-io.ts";

const chunkBytes = 256 * 1024;
const sendBytes = 512 * 1024;

/** A file's content from its start to its end. */
export async function* fileChunks(file: FileHandle): AsyncGenerator<Buffer> {
  for (let position = 0; ;) {
    const buffer = Buffer.allocUnsafe(chunkBytes);
    const { bytesRead } = await file.read(buffer, 0, chunkBytes, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/**
 * Sends `length` bytes (to the end when undefined) and ends the response, through one buffer.
 * A file that shrinks under way cuts the connection: the client was promised more.
 */
export async function sendChunks(
  response: ServerResponse,
  file: FileIo,
  start: number,
  length: number | undefined,
): Promise<void> {
  const flushed = flushes(response);
  let left = length ?? Number.POSITIVE_INFINITY;
  let buffer = Buffer.allocUnsafeSlow(Math.min(sendBytes, left));
  for (let position = start; left > 0;) {
    const count = await file.read(buffer, Math.min(buffer.length, left), position);
    if (count === 0) break;
    position += count;
    left -= count;
    if (response.destroyed) return;
    if (response.write(buffer.subarray(0, count))) {
      // Nobody says when these bytes are out of the buffer.
      if (left > 0) buffer = Buffer.allocUnsafeSlow(Math.min(sendBytes, left));
    } else await flushed();
  }
  if (length !== undefined && left > 0) response.destroy();
  else response.end();
}

/** A function that waits until all that was written has been handed to the kernel, or the client is gone. */
function flushes(response: ServerResponse): () => Promise<void> {
  let wake: (() => void) | undefined;
  response.on("drain", () => wake?.());
  response.on("close", () => wake?.());
  return () =>
    new Promise((resolve) => {
      wake = resolve;
      if (response.destroyed) resolve();
    });
}
