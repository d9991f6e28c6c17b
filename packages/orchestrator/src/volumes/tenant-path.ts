import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  lstatSync,
  mkdirSync,
  openSync,
  readlinkSync,
} from "node:fs";
import { posix } from "node:path";
import { AppError } from "@sandbank/core/errors";
import { hasCode } from "@sandbank/linux/libc";
import { openDirectoryInRoot, pathOfDescriptor } from "@sandbank/linux/open-in-root";

/** As many links as Linux itself follows at the end of a path. */
const maxLinks = 40;
export const defaultModes = { directory: 0o777, file: 0o666 };

/** Owner and permission bits; absent ones are the caller's default. */
export interface Ownership {
  uid?: number | undefined;
  gid?: number | undefined;
  mode?: number | undefined;
}

/** A name in an open directory: what is there, if anything, is not looked at. */
export interface Place {
  directoryFd: number;
  name: string;
  /** Of the name, for more than one call. */
  path: string;
  close(): void;
}

/** A tenant's path as an absolute one without `.`, `..` and slashes too many. Throws `invalid_argument`. */
export function cleanPath(path: string): string {
  if (path.includes("\0")) {
    throw new AppError({ code: "invalid_argument", message: "a path can't hold a NUL character" });
  }
  const clean = posix.normalize(`/${path}`);
  return clean.length > 1 && clean.endsWith("/") ? clean.slice(0, -1) : clean;
}

/**
 * The last name of a clean path in its directory, whose missing parents are made for `makeFor` when that is given. The
 * directory stays the one that it is: what tenants do to the path afterwards leads nowhere else. The caller closes it.
 */
export function openPlace(rootFd: number, path: string, makeFor?: Ownership): Place {
  const directoryFd = openParents(rootFd, posix.dirname(path), makeFor);
  // The root is no name in any directory; as "." it is one in itself.
  const name = posix.basename(path) || ".";
  return {
    directoryFd,
    name,
    path: pathOfDescriptor(directoryFd, name),
    close: () => closeSync(directoryFd),
  };
}

/** Like `openPlace`, but where a link lies, what it leads to is meant, there or not. */
export function openPlaceBehindLinks(rootFd: number, path: string, makeFor?: Ownership): Place {
  for (let current = path, links = 0; ; links++) {
    const place = openPlace(rootFd, current, makeFor);
    try {
      if (!lstatSync(place.path, { throwIfNoEntry: false })?.isSymbolicLink()) return place;
      if (links === maxLinks) {
        throw new AppError({
          code: "invalid_argument",
          message: `path ${path} leads through too many links`,
        });
      }
      const directory = pathInRoot(rootFd, place.directoryFd);
      current = posix.resolve(directory, readlinkSync(place.path));
    } catch (error) {
      place.close();
      throw error;
    }
    place.close();
  }
}

/** Where an open directory lies now, as seen from the root. */
function pathInRoot(rootFd: number, directoryFd: number): string {
  const root = readlinkSync(pathOfDescriptor(rootFd));
  const directory = readlinkSync(pathOfDescriptor(directoryFd));
  return directory.startsWith(root) ? directory.slice(root.length) || "/" : "/";
}

function openParents(rootFd: number, path: string, makeFor: Ownership | undefined): number {
  try {
    return openDirectoryInRoot(rootFd, path);
  } catch (error) {
    if (!makeFor || path === "/" || !hasCode(error, "ENOENT")) throw error;
  }
  const parent = openPlace(rootFd, path, makeFor);
  try {
    makeDirectory(parent, { ...makeFor, mode: defaultModes.directory });
  } catch (error) {
    // Somebody else has just made it.
    if (!hasCode(error, "EEXIST")) throw error;
  } finally {
    parent.close();
  }
  return openDirectoryInRoot(rootFd, path);
}

/** Throws an error of node:fs: EEXIST when something is there. */
export function makeDirectory(
  place: Place,
  { uid = 0, gid = 0, mode = defaultModes.directory }: Ownership,
): void {
  mkdirSync(place.path);
  // What is owned is the directory that is open, not whatever has the name by then.
  const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;
  const fd = openSync(place.path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    fchownSync(fd, uid, gid);
    fchmodSync(fd, mode);
  } finally {
    closeSync(fd);
  }
}
