import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  lstatSync,
  mkdirSync,
  openSync,
  readlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, normalize, resolve } from "node:path";
import { hasCode } from "./libc.ts";
import { openDirectoryInRoot, pathOfDescriptor, pathOnlyFlag } from "./open-in-root.ts";

/**
 * Writes a text file (mode 0644) at `path`, absolute as seen inside `root`; missing directories are made.
 * No link in there leads out of `root`; a link at `path` itself is replaced. Throws SystemCallError or an error of node:fs.
 */
export function writeFileInRoot(root: string, path: string, text: string): void {
  const clean = normalize(`/${path}`);
  const rootFd = openSync(root, constants.O_DIRECTORY | pathOnlyFlag);
  try {
    const directoryFd = openDirectory(rootFd, dirname(clean));
    try {
      // The name below an open descriptor: nothing but the last component is left to be looked up.
      const target = pathOfDescriptor(directoryFd, basename(clean));
      removeLink(target);
      const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants;
      const fd = openSync(target, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o644);
      try {
        writeFileSync(fd, text);
        // Whatever this process' umask took away.
        fchmodSync(fd, 0o644);
      } finally {
        closeSync(fd);
      }
    } finally {
      closeSync(directoryFd);
    }
  } finally {
    closeSync(rootFd);
  }
}

/** Makes a directory with exactly `mode` inside `root`, with missing parents; one that is there stays as it is. */
export function makeDirectoryInRoot(root: string, path: string, mode: number): void {
  const rootFd = openSync(root, constants.O_DIRECTORY | pathOnlyFlag);
  try {
    closeSync(openDirectory(rootFd, normalize(`/${path}`), mode));
  } finally {
    closeSync(rootFd);
  }
}

function openDirectory(rootFd: number, path: string, mode = 0o755, linksLeft = 8): number {
  try {
    return openDirectoryInRoot(rootFd, path);
  } catch (error) {
    if (!hasCode(error, "ENOENT") || path === "/") throw error;
  }
  const parentFd = openDirectory(rootFd, dirname(path), 0o755, linksLeft);
  try {
    const child = pathOfDescriptor(parentFd, basename(path));
    const status = lstatSync(child, { throwIfNoEntry: false });
    if (status?.isSymbolicLink() && linksLeft > 0) {
      // A link to what is missing: that is made, where it lies when seen from inside.
      const target = resolve(dirname(path), readlinkSync(child));
      closeSync(openDirectory(rootFd, target, mode, linksLeft - 1));
    } else {
      mkdirSync(child);
      chmodSync(child, mode);
    }
  } finally {
    closeSync(parentFd);
  }
  return openDirectoryInRoot(rootFd, path);
}

function removeLink(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()) unlinkSync(path);
}
