import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path/posix";
import { makeOwnedDirectories } from "../filesystem/directories.ts";
import { HttpError } from "../http/reply.ts";
import { isUnsupported, type MetadataStore } from "../system/xattr.ts";
import type { User } from "../system/users.ts";

/** Without waiting for a reader where the path is a FIFO. */
const writeFlags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NONBLOCK;

/** Opens a file for a new content: made if missing (parents, too), emptied in place if not, the user's in any case. */
export async function openForWriting(path: string, user: User): Promise<FileHandle> {
  let file: FileHandle;
  try {
    file = await open(path, writeFlags, 0o666);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "EISDIR") throw new HttpError(400, `path is a directory: ${path}`);
    if (code !== "ENOENT") throw error;
    makeOwnedDirectories(dirname(path), user);
    file = await open(path, writeFlags, 0o666);
  }
  try {
    await file.chown(user.uid, user.gid);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Makes `metadata` the file's whole set; a file system without attributes is fine as long as there is nothing to keep. */
export function storeMetadata(
  file: FileHandle,
  metadata: Record<string, string>,
  store: MetadataStore,
): void {
  const result = store.replace(file.fd, metadata);
  if (result === 0) return;
  if (isUnsupported(result)) throw new HttpError(400, "the file system keeps no metadata");
  throw Object.assign(new Error("cannot store metadata"), { code: result === -28 ? "ENOSPC" : "EIO" });
}
