import { closeSync, fstatSync, ftruncateSync, openSync } from "node:fs";
import { checked, hasCode, libc } from "./libc.ts";

const seekData = 3;
const seekHole = 4;

/**
 * Copies a sparse file: only what holds data, inside the kernel, as a shared extent where the file system can.
 * `target` must not exist. Blocks this thread for the time of the copy: for images of at most a few MiB of data.
 * Throws SystemCallError.
 */
export function copySparse(source: string, target: string): void {
  const sourceFd = openSync(source, "r");
  try {
    const targetFd = openSync(target, "wx+", 0o600);
    try {
      const size = fstatSync(sourceFd).size;
      ftruncateSync(targetFd, size);
      for (let hole = 0; hole < size;) {
        const data = nextData(sourceFd, hole);
        if (data === undefined) break;
        hole = checked("lseek", source, libc.lseek(sourceFd, BigInt(data), seekHole));
        copyRange(sourceFd, targetFd, data, hole);
      }
    } finally {
      closeSync(targetFd);
    }
  } finally {
    closeSync(sourceFd);
  }
}

function nextData(fd: number, from: number): number | undefined {
  try {
    return checked("lseek", "", libc.lseek(fd, BigInt(from), seekData));
  } catch (error) {
    // Nothing but a hole up to the end.
    if (hasCode(error, "ENXIO")) return undefined;
    throw error;
  }
}

function copyRange(sourceFd: number, targetFd: number, from: number, to: number): void {
  const sourceOffset = Buffer.alloc(8);
  const targetOffset = Buffer.alloc(8);
  for (let at = from; at < to;) {
    sourceOffset.writeBigInt64LE(BigInt(at));
    targetOffset.writeBigInt64LE(BigInt(at));
    const count = checked(
      "copy_file_range",
      "",
      libc.copy_file_range(sourceFd, sourceOffset, targetFd, targetOffset, BigInt(to - at), 0),
    );
    if (count === 0) throw new Error("the source of a sparse copy became shorter");
    at += count;
  }
}
