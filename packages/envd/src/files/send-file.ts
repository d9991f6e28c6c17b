import type { FileHandle } from "node:fs/promises";
import type { ServerResponse } from "node:http";

const chunkBytes = 256 * 1024;

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
 * Sends `length` bytes (to the end when undefined) and ends the response. Reads one chunk ahead of the socket.
 * A file that shrinks under way cuts the connection: the client was promised more.
 */
export async function sendChunks(
  response: ServerResponse,
  file: FileHandle,
  start: number,
  length: number | undefined,
): Promise<void> {
  const closed = new Promise<void>((resolve) => response.once("close", resolve));
  let position = start;
  let left = length ?? Number.POSITIVE_INFINITY;
  const readNext = async (): Promise<Buffer> => {
    const want = Math.min(chunkBytes, left);
    const buffer = Buffer.allocUnsafeSlow(want);
    const { bytesRead } = await file.read(buffer, 0, want, position);
    position += bytesRead;
    left -= bytesRead;
    return buffer.subarray(0, bytesRead);
  };
  for (let next = readNext(); ;) {
    const chunk = await next;
    if (chunk.length === 0) break;
    if (response.destroyed) return;
    const more = left > 0;
    if (more) next = readNext();
    if (!response.write(chunk))
      await Promise.race([new Promise((resolve) => response.once("drain", resolve)), closed]);
    if (!more) break;
  }
  if (length !== undefined && left > 0) response.destroy();
  else response.end();
}
