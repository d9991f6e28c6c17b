import { open, rm } from "node:fs/promises";
import { withTimeout } from "@sandbank/core/deadline";
import { AppError } from "@sandbank/core/errors";
import { hasCode } from "@sandbank/linux/libc";

/**
 * What `runc start` does, without the 6 ms of another program: the created container waits for a reader on this pipe,
 * writes one byte when it has one, and runs its first program; the pipe gone means "running" to runc.
 * Gives false when there is no such pipe, because the runtime works in some other way.
 */
export async function startByExecFifo(path: string, timeoutMs: number): Promise<boolean> {
  try {
    // Opening waits for the container at the other end, so it is left to another thread and bounded.
    const file = await withTimeout("starting the container", timeoutMs, () => open(path, "r"));
    try {
      const { bytesRead } = await file.read(Buffer.alloc(1), 0, 1);
      if (bytesRead === 0) throw new AppError({ code: "internal", message: "the container did not start" });
    } finally {
      await file.close();
    }
  } catch (error) {
    if (hasCode(error, "ENOENT")) return false;
    throw error;
  }
  await rm(path, { force: true });
  return true;
}
