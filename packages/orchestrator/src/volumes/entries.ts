import { type Stats, closeSync, constants, fstatSync, lstatSync, openSync, readlinkSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { posix } from "node:path";
import { AppError } from "@sandbank/core/errors";
import { hasCode } from "@sandbank/linux/libc";
import { openInRoot, pathOfDescriptor, pathOnlyFlag } from "@sandbank/linux/open-in-root";
import type { Entry } from "@sandbank/protocol/gen/volumes_pb";
import { notADirectory } from "./content-errors.ts";
import { openPlace } from "./tenant-path.ts";

export type EntryFields = Omit<Entry, "$typeName" | "$unknown">;

const batchSize = 500;
/** A listing is held in memory, by the control plane and by its client. */
const maxEntries = 100_000;

function typeOf(stats: Stats): string {
  if (stats.isFile()) return "file";
  if (stats.isDirectory()) return "directory";
  return stats.isSymbolicLink() ? "symlink" : "unknown";
}

/** What is told about a file; `path` is the tenant's. */
export function entryOf(stats: Stats, path: string, target?: string): EntryFields {
  return {
    name: posix.basename(path) || "/",
    path,
    type: typeOf(stats),
    size: stats.size,
    mode: stats.mode & 0o7777,
    uid: stats.uid,
    gid: stats.gid,
    atimeMs: stats.atimeMs,
    mtimeMs: stats.mtimeMs,
    ctimeMs: stats.ctimeMs,
    ...(target === undefined ? {} : { target }),
  };
}

/** The entry at a path of this process; a link is itself. Throws an error of node:fs. */
function entryAt(hostPath: string | Buffer, path: string): EntryFields {
  const stats = lstatSync(hostPath);
  return entryOf(stats, path, stats.isSymbolicLink() ? readlinkSync(hostPath) : undefined);
}

/** The entry at a clean path. Throws an error of node:fs. */
export function statEntry(rootFd: number, path: string): EntryFields {
  const place = openPlace(rootFd, path);
  try {
    return entryAt(place.path, path);
  } finally {
    place.close();
  }
}

/**
 * What is in the directory at a clean path, `depth` levels deep: parents before what is in them, by name. Links are not
 * followed. Rejects with `invalid_argument` when it is no directory or holds too much.
 */
export async function* listEntries(
  rootFd: number,
  path: string,
  depth: number,
): AsyncGenerator<EntryFields[]> {
  const fd = openInRoot(rootFd, path, pathOnlyFlag);
  try {
    if (!fstatSync(fd).isDirectory()) throw notADirectory(path);
    let batch: EntryFields[] = [];
    let count = 0;
    for await (const entry of walk(fd, path, depth)) {
      if (++count > maxEntries) throw tooMany(path);
      batch.push(entry);
      if (batch.length < batchSize) continue;
      yield batch;
      batch = [];
    }
    if (batch.length > 0) yield batch;
  } finally {
    closeSync(fd);
  }
}

async function* walk(directoryFd: number, path: string, depth: number): AsyncGenerator<EntryFields> {
  // As bytes: names need not be text.
  const names = await readdir(pathOfDescriptor(directoryFd), { encoding: "buffer" });
  for (const name of names.toSorted((a, b) => Buffer.compare(a, b))) {
    const hostPath = Buffer.concat([Buffer.from(`${pathOfDescriptor(directoryFd)}/`), name]);
    try {
      const entry = entryAt(hostPath, posix.join(path, name.toString()));
      yield entry;
      if (entry.type === "directory" && depth > 1) yield* walkInto(hostPath, entry.path, depth - 1);
    } catch (error) {
      // Removed, or replaced by something else, since it was listed.
      if (!hasCode(error, "ENOENT", "ENOTDIR", "ELOOP")) throw error;
    }
  }
}

async function* walkInto(hostPath: Buffer, path: string, depth: number): AsyncGenerator<EntryFields> {
  const fd = openSync(hostPath, constants.O_DIRECTORY | constants.O_NOFOLLOW | pathOnlyFlag);
  try {
    yield* walk(fd, path, depth);
  } finally {
    closeSync(fd);
  }
}

const tooMany = (path: string): AppError =>
  new AppError({
    code: "invalid_argument",
    message: `there are more than ${maxEntries} entries in ${path}: list a part of them, or with less depth`,
  });
