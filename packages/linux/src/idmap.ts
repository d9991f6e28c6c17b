import { closeSync } from "node:fs";
import { getRawPointer } from "node:ffi";
import { checked, cString, libc } from "./libc.ts";

const openTreeNumber = 428n;
const moveMountNumber = 429n;
const mountSetattrNumber = 442n;

const atFdcwd = -100n;
const emptyPathFlag = 0x1000n;
const openTreeClone = 1n;
const closeOnExec = 0o2_000_000n;
const moveMountFromEmptyPath = 4n;
const idmapAttribute = 0x10_0000n;
const readonlyAttribute = 1n;
const nosuidAttribute = 2n;
const nodevAttribute = 4n;

export interface IdmapRequest {
  source: string;
  /** Existing directory to mount on. */
  target: string;
  /** Open descriptor of a user namespace with its maps written: the mapping to show files through. */
  userNamespaceFd: number;
  readonly?: boolean;
}

/**
 * Shows the directory `source` at `target` with owners mapped: a file that belongs to 0 on disk belongs to
 * the namespace's root in this view, and the other way round for what is written. nosuid and nodev.
 * Throws SystemCallError (EINVAL: the file system or the kernel can't).
 */
export function mountIdmapped(request: IdmapRequest): void {
  const empty = cString("");
  const source = cString(request.source);
  const target = cString(request.target);
  const treeFd = checked(
    "open_tree",
    request.source,
    libc.syscall(openTreeNumber, atFdcwd, getRawPointer(source), openTreeClone | closeOnExec, 0n, 0n, 0n),
  );
  try {
    // struct mount_attr: attr_set, attr_clr, propagation, userns_fd
    const attributes = Buffer.alloc(32);
    const readonly = request.readonly ? readonlyAttribute : 0n;
    attributes.writeBigUInt64LE(idmapAttribute | nosuidAttribute | nodevAttribute | readonly, 0);
    attributes.writeBigUInt64LE(BigInt(request.userNamespaceFd), 24);
    checked(
      "mount_setattr",
      request.source,
      libc.syscall(
        mountSetattrNumber,
        BigInt(treeFd),
        getRawPointer(empty),
        emptyPathFlag,
        getRawPointer(attributes),
        BigInt(attributes.length),
        0n,
      ),
    );
    checked(
      "move_mount",
      request.target,
      libc.syscall(
        moveMountNumber,
        BigInt(treeFd),
        getRawPointer(empty),
        BigInt.asUintN(64, atFdcwd),
        getRawPointer(target),
        moveMountFromEmptyPath,
        0n,
      ),
    );
  } finally {
    closeSync(treeFd);
  }
}
