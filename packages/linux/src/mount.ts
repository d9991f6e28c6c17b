import { readFileSync } from "node:fs";
import { checked, hasCode, libc } from "./libc.ts";

/** Flags of mount(2), as in `linux/mount.h`. */
export const mountFlags = {
  readonly: 1,
  nosuid: 2,
  nodev: 4,
  noexec: 8,
  remount: 32,
  noatime: 1024,
  bind: 4096,
  recursive: 16_384,
  private: 1 << 18,
} as const;

const detachFlag = 2;
const noFollowFlag = 8;

export interface MountRequest {
  source: string;
  target: string;
  type: string;
  /** Sum of `mountFlags`; 0 unless told. */
  flags?: number;
  /** Options of the file system, comma-separated; the kernel takes at most one page. */
  data?: string;
}

/** mount(2). Throws SystemCallError. */
export function mount(request: MountRequest): void {
  const { source, target, type, flags = 0, data = "" } = request;
  checked("mount", `${type} on ${target}`, libc.mount(source, target, type, BigInt(flags), data));
}

/**
 * Unmounts `target` at once (lazily: a process that still has files open there keeps them, not the mount).
 * Returns false when nothing is mounted there or the path does not exist. Throws SystemCallError otherwise.
 */
export function unmount(target: string): boolean {
  try {
    checked("umount2", target, libc.umount2(target, detachFlag | noFollowFlag));
    return true;
  } catch (error) {
    if (hasCode(error, "EINVAL", "ENOENT")) return false;
    throw error;
  }
}

/** Mount points at or below `directory`, deepest first, as this process sees them. */
export function mountPointsUnder(directory: string): string[] {
  const points: string[] = [];
  for (const line of readFileSync("/proc/self/mountinfo", "utf8").split("\n")) {
    const point = line.split(" ")[4];
    if (point === undefined) continue;
    const path = unescapeMountPath(point);
    if (path === directory || path.startsWith(`${directory}/`)) points.push(path);
  }
  // Later lines are mounted later, over or below earlier ones.
  return points.toReversed();
}

/** mountinfo writes blanks, backslashes and line ends of a path as three octal digits. */
function unescapeMountPath(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}

/** A path as a value in overlay's option list, where comma, colon and backslash have a meaning. */
export function escapeOverlayPath(path: string): string {
  return path.replaceAll(/[\\:,]/g, String.raw`\$&`);
}
