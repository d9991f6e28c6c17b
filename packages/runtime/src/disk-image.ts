import { mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { run } from "@sandbank/linux/command";
import { KeyedLock } from "@sandbank/core/keyed-lock";
import { randomId } from "@sandbank/core/ids";

/**
 * Part of the name of cached images: another layout must not meet an old cache.
 * A sandbox's disk lives no longer than the sandbox, so there is no journal, and no block is kept for root.
 */
const layoutVersion = "v1";
const formatArgs = [
  "-q",
  "-b",
  "4096",
  "-O",
  "^has_journal",
  "-m",
  "0",
  "-E",
  "lazy_itable_init=1,nodiscard",
];

const lock = new KeyedLock();

/** Path of an empty formatted ext4 image of that size, made once per size and kept in `cacheDir`. */
export async function emptyDiskImage(cacheDir: string, diskMib: number): Promise<string> {
  const directory = `${cacheDir}/disk-images`;
  const path = `${directory}/ext4-${layoutVersion}-${diskMib}m.img`;
  if (isThere(path)) return path;
  return lock.run(path, async () => {
    if (isThere(path)) return path;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const draft = `${path}.${randomId(8)}`;
    try {
      const file = await open(draft, "wx", 0o600);
      await file.truncate(diskMib * 1024 * 1024);
      await file.close();
      await run("mkfs.ext4", [...formatArgs, draft]);
      renameSync(draft, path);
    } finally {
      rmSync(draft, { force: true });
    }
    return path;
  });
}

const isThere = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined;
