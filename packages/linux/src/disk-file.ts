import { mkdirSync } from "node:fs";
import { open, rm } from "node:fs/promises";
import { run } from "./command.ts";
import { shareLoop } from "./loop.ts";
import { mount, mountFlags } from "./mount.ts";

const mib = 1024 * 1024;
/** A journal for disks of a few MiB and of many GiB alike: mkfs takes no smaller one, and nothing needs a larger one. */
const journalMib = { least: 4, most: 64, share: 1 / 64 };
const unmountTimeoutMs = 120_000;

/**
 * Makes `path` a sparse file that holds an empty ext4 file system, with a journal because it is to outlive crashes.
 * Rejects with AppError or an error of node:fs, nothing left behind.
 */
export async function makeDiskFile(path: string, sizeMib: number): Promise<void> {
  // One that is there already is somebody's, and stays.
  const file = await open(path, "wx", 0o600);
  try {
    await file.truncate(sizeMib * mib);
    const { least, most, share } = journalMib;
    const journal = Math.max(least, Math.min(most, Math.floor(sizeMib * share)));
    const extended = "lazy_itable_init=1,lazy_journal_init=1,nodiscard";
    const args = ["-q", "-b", "4096", "-m", "0", "-J", `size=${journal}`, "-E", extended, path];
    await run("mkfs.ext4", args);
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

/**
 * Mounts the file system in `path` at `target`, which is made when missing. Room that is freed in it goes back to the host.
 * Throws SystemCallError.
 */
export function mountDiskFile(path: string, target: string): void {
  mkdirSync(target, { recursive: true, mode: 0o700 });
  const loop = shareLoop(path);
  try {
    // Without noinit_itable a kernel thread would fill the sparse file with zeros.
    const data = "noinit_itable,discard";
    mount({
      source: loop.path,
      target,
      type: "ext4",
      flags: mountFlags.nosuid | mountFlags.nodev,
      data,
    });
  } finally {
    loop.close();
  }
}

/**
 * Writes everything back and unmounts, in a process of its own because that can take long. Rejects with AppError when
 * something is still open there.
 */
export async function unmountDiskFile(target: string): Promise<void> {
  await run("umount", [target], { timeoutMs: unmountTimeoutMs });
}
