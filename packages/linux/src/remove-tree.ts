import { rmdirSync, unlinkSync } from "node:fs";
import { run } from "./command.ts";
import { hasCode } from "./libc.ts";
import { pathOfDescriptor } from "./open-in-root.ts";

const removeTimeoutMs = 10 * 60_000;

/**
 * Removes `name` in the open directory `directoryFd`, a directory with all that is in it. Links are removed, never
 * followed, whoever changes the tree meanwhile. Rejects with an error of node:fs (ENOENT: there is none) or AppError.
 */
export async function removeTree(directoryFd: number, name: string): Promise<void> {
  const path = pathOfDescriptor(directoryFd, name);
  try {
    return unlinkSync(path);
  } catch (error) {
    if (!hasCode(error, "EISDIR", "EPERM")) throw error;
  }
  try {
    return rmdirSync(path);
  } catch (error) {
    if (!hasCode(error, "ENOTEMPTY", "EEXIST")) throw error;
  }
  // Walks by descriptors, so that a directory that becomes a link on the way leads it nowhere.
  const seenByOthers = `/proc/${process.pid}/fd/${directoryFd}/${name}`;
  await run("rm", ["-rf", "--one-file-system", "--", seenByOthers], { timeoutMs: removeTimeoutMs });
}
