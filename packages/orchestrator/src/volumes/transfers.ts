import { closeSync, fstatSync, lstatSync } from "node:fs";
import { type FileHandle, link, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "@sandbank/core/errors";
import { randomId } from "@sandbank/core/ids";
import { openInRoot, pathOfDescriptor, pathOnlyFlag } from "@sandbank/linux/open-in-root";
import { notAFile, rootStays } from "./content-errors.ts";
import { type EntryFields, entryOf } from "./entries.ts";
import { type Ownership, type Place, defaultModes, openPlaceBehindLinks } from "./tenant-path.ts";

const partBytes = 256 * 1024;

/**
 * The bytes of the file that a clean path leads to, as many as it had at the beginning; the first part says how many.
 * Rejects with an error of node:fs, `invalid_argument` when it is no file, `conflict` when it became shorter.
 */
export async function* readFile(
  rootFd: number,
  path: string,
): AsyncGenerator<{ size?: number; data?: Uint8Array<ArrayBuffer> }> {
  const file = await openRegular(rootFd, path);
  try {
    const { size } = await file.stat();
    yield { size };
    for (let at = 0; at < size;) {
      const buffer = Buffer.allocUnsafeSlow(Math.min(partBytes, size - at));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
      if (bytesRead === 0) {
        throw new AppError({ code: "conflict", message: `path ${path} became shorter meanwhile` });
      }
      at += bytesRead;
      yield { data: buffer.subarray(0, bytesRead) };
    }
  } finally {
    await file.close();
  }
}

/** Looks first and opens then, by descriptor: a pipe or a device that a tenant has put there must not even be opened. */
async function openRegular(rootFd: number, path: string): Promise<FileHandle> {
  const fd = openInRoot(rootFd, path, pathOnlyFlag);
  try {
    if (!fstatSync(fd).isFile()) throw notAFile(path);
    return await open(pathOfDescriptor(fd), "r");
  } finally {
    closeSync(fd);
  }
}

export interface WriteRequest {
  rootFd: number;
  /** On the same file system. */
  stagingDir: string;
  /** Clean. */
  path: string;
  ownership: Ownership;
  /** Makes missing parents, and replaces a file that is there. */
  force: boolean;
}

/**
 * Writes a file where a clean path leads. It gets its name only when all of it is on the disk: nobody ever finds a part
 * of it, and what was there before stays until then. Rejects with an error of node:fs or `invalid_argument`.
 */
export async function writeFile(
  request: WriteRequest,
  parts: AsyncIterable<Uint8Array>,
): Promise<EntryFields> {
  const { rootFd, path, ownership, force } = request;
  if (path === "/") throw rootStays();
  const place = openPlaceBehindLinks(rootFd, path, force ? ownership : undefined);
  try {
    refuseTaken(place, path, force);
    const draft = join(request.stagingDir, randomId(20));
    const file = await open(draft, "wx", 0o600);
    try {
      for await (const part of parts) await writeWhole(file, part);
      const { uid = 0, gid = 0, mode = defaultModes.file } = ownership;
      await file.chown(uid, gid);
      await file.chmod(mode);
      await file.sync();
      await (force ? rename(draft, place.path) : link(draft, place.path));
      return entryOf(await file.stat(), path);
    } finally {
      await file.close();
      await rm(draft, { force: true });
    }
  } finally {
    place.close();
  }
}

/** Before the bytes come, for the client's sake; what counts is the last step. */
function refuseTaken(place: Place, path: string, force: boolean): void {
  const there = lstatSync(place.path, { throwIfNoEntry: false });
  if (!there) return;
  if (there.isDirectory()) throw notAFile(path);
  if (!force) throw new AppError({ code: "already_exists", message: `path ${path} exists already` });
}

async function writeWhole(file: FileHandle, part: Uint8Array): Promise<void> {
  for (let at = 0; at < part.length;) {
    const { bytesWritten } = await file.write(part, at);
    at += bytesWritten;
  }
}
