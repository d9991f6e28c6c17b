import { chmodSync, chownSync, closeSync, fstatSync } from "node:fs";
import { AppError } from "@sandbank/core/errors";
import { hasCode } from "@sandbank/linux/libc";
import { openInRoot, pathOfDescriptor, pathOnlyFlag } from "@sandbank/linux/open-in-root";
import { removeTree } from "@sandbank/linux/remove-tree";
import { notADirectory, rootStays } from "./content-errors.ts";
import { type EntryFields, entryOf, statEntry } from "./entries.ts";
import { type Ownership, makeDirectory, openPlace } from "./tenant-path.ts";

/**
 * Makes a directory at a clean path. With `force` missing parents are made, and a directory that is there stays as it
 * is. Rejects with an error of node:fs, or `invalid_argument` when something else is there.
 */
export function makeDirectoryAt(
  rootFd: number,
  path: string,
  ownership: Ownership,
  force: boolean,
): EntryFields {
  const place = openPlace(rootFd, path, force ? ownership : undefined);
  try {
    makeDirectory(place, ownership);
  } catch (error) {
    if (!force || !hasCode(error, "EEXIST")) throw error;
    if (!isDirectory(rootFd, path)) throw notADirectory(path);
  } finally {
    place.close();
  }
  return statEntry(rootFd, path);
}

function isDirectory(rootFd: number, path: string): boolean {
  const fd = openInRoot(rootFd, path, pathOnlyFlag);
  try {
    return fstatSync(fd).isDirectory();
  } finally {
    closeSync(fd);
  }
}

/** Changes what is given, of what a clean path leads to. Throws an error of node:fs. */
export function updateEntry(rootFd: number, path: string, { uid, gid, mode }: Ownership): EntryFields {
  const fd = openInRoot(rootFd, path, pathOnlyFlag);
  try {
    const self = pathOfDescriptor(fd);
    // Before the mode: a new owner takes set-user-ID bits away.
    if (uid !== undefined || gid !== undefined) chownSync(self, uid ?? -1, gid ?? -1);
    if (mode !== undefined) chmodSync(self, mode);
    return entryOf(fstatSync(fd), path);
  } finally {
    closeSync(fd);
  }
}

/** Removes what is at a clean path, with all that is in it; of a link, only itself. Rejects with an error of node:fs. */
export async function removeEntry(rootFd: number, path: string): Promise<void> {
  if (path === "/") throw rootStays();
  const place = openPlace(rootFd, path);
  try {
    await removeTree(place.directoryFd, place.name);
  } catch (error) {
    // The program that walks the tree found it growing.
    if (!(error instanceof AppError) || error.code !== "internal") throw error;
    throw new AppError({
      code: "conflict",
      message: `path ${path} could not be removed completely`,
      cause: error,
    });
  } finally {
    place.close();
  }
}
