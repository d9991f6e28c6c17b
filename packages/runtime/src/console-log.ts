import { open } from "node:fs/promises";
import { hasCode } from "@sandbank/linux/libc";

/** Each line of conmon's log: time, stream, F (ends a line) or P (goes on in the next), text. */
const linePattern = /^\S+ (?:stdout|stderr) ([FP]) (.*)$/s;

/** How much longer a line is in the log than what it holds, at most twice: for short lines. */
const overhead = 4;

/** At most `maxBytes` of the newest text in a log of conmon's; "" when there is no log. */
export async function readConsoleTail(path: string, maxBytes: number): Promise<string> {
  // A byte is a character here: the monitor splits lines anywhere.
  const raw = (await readTail(path, maxBytes * overhead)).toString("latin1");
  let text = "";
  for (const line of raw.split("\n")) {
    const match = linePattern.exec(line);
    if (match) text += (match[2] ?? "") + (match[1] === "F" ? "\n" : "");
  }
  const bytes = Buffer.from(text, "latin1");
  return bytes.subarray(Math.max(0, bytes.length - maxBytes)).toString();
}

/** At most `maxBytes` from the end of a text file; "" when there is none. */
export async function readFileTail(path: string, maxBytes: number): Promise<string> {
  return (await readTail(path, maxBytes)).toString("utf8");
}

async function readTail(path: string, maxBytes: number): Promise<Buffer> {
  try {
    const file = await open(path, "r");
    try {
      const { size } = await file.stat();
      const length = Math.min(size, maxBytes);
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (hasCode(error, "ENOENT")) return Buffer.alloc(0);
    throw error;
  }
}
