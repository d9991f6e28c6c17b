import { getRawPointer } from "node:ffi";
import { constants } from "node:fs";
import { checked, cString, hasCode, libc } from "./libc.ts";

const openat2Number = 437n;
/** Symbolic links, absolute ones too, and `..` are followed as if the directory were the root of everything. */
const resolveInRoot = 0x10n;
const closeOnExec = 0o2_000_000;

/** O_PATH: a descriptor that only names the file; nothing can be read through it, and opening it has no effect. */
export const pathOnlyFlag = 0o10_000_000;

/** How often a path may change under a lookup before the lookup is given up. */
const lookupAttempts = 64;

/**
 * openat2(2): opens `path` below the open directory `rootFd` as a process would that has it as its root, whoever moves
 * and links things in there meanwhile. `flags` as for open(2). Throws SystemCallError. The caller closes the descriptor.
 */
export function openInRoot(rootFd: number, path: string, flags: number): number {
  const pathBytes = cString(path);
  // struct open_how: flags, mode, resolve
  const how = Buffer.alloc(24);
  how.writeBigUInt64LE(BigInt(flags | closeOnExec), 0);
  how.writeBigUInt64LE(resolveInRoot, 16);
  for (let attempt = 1; ; attempt++) {
    try {
      return checked(
        "openat2",
        path,
        libc.syscall(
          openat2Number,
          BigInt(rootFd),
          getRawPointer(pathBytes),
          getRawPointer(how),
          BigInt(how.length),
          0n,
          0n,
        ),
      );
    } catch (error) {
      // Something was moved while `..` was looked up: the kernel can't say where that led.
      if (!hasCode(error, "EAGAIN") || attempt === lookupAttempts) throw error;
    }
  }
}

/** Like `openInRoot`, for a directory as a starting point of further lookups. */
export const openDirectoryInRoot = (rootFd: number, path: string): number =>
  openInRoot(rootFd, path, constants.O_DIRECTORY | pathOnlyFlag);

/** A path that leads to exactly the file behind `fd`, wherever it is moved; with a name, to that name in the directory. */
export const pathOfDescriptor = (fd: number, name?: string): string =>
  name === undefined ? `/proc/self/fd/${fd}` : `/proc/self/fd/${fd}/${name}`;
