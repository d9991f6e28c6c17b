import { readFileSync } from "node:fs";
import type { Libc } from "../runtime/runtime.ts";
import { syscallNumber } from "./syscalls.ts";

const MADV_DONTNEED = 4;
/** Smaller ones are not worth a call. */
const minBytes = 256 * 1024;

/**
 * Lets go of the program's code and constants, most of which only a start or a rare request runs. They stay in the page
 * cache, from where what is needed comes back by a fault of a microsecond; the daemon is charged for that alone.
 */
export function dropCodePages(libc: Libc): void {
  for (const line of readFileSync("/proc/self/maps", "utf8").split("\n")) {
    const match = /^([0-9a-f]+)-([0-9a-f]+) (r--p|r-xp) ([0-9a-f]+) \S+ (\d+)/.exec(line);
    if (!match) continue;
    const [, from = "", to = "", mode, offset = "", inode] = match;
    // Only what no relocation has written to: that would be lost. Constants behind the first segment may be such.
    if (inode === "0" || (mode === "r--p" && Number.parseInt(offset, 16) !== 0)) continue;
    const start = Number.parseInt(from, 16);
    const bytes = Number.parseInt(to, 16) - start;
    if (bytes >= minBytes) libc.syscall(syscallNumber("madvise"), start, bytes, MADV_DONTNEED);
  }
}
