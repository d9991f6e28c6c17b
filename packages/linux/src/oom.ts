import { writeFileSync } from "node:fs";
import { hasCode } from "./libc.ts";

/** The highest: taken before anything that has not the same. */
const first = 1000;

/**
 * Lets the kernel take a process, and those it starts from now on, before others when memory runs out in their control
 * group. Nothing happens when it has ended.
 */
export function offerToOomKiller(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, String(first));
  } catch (error) {
    if (!hasCode(error, "ENOENT", "ESRCH")) throw error;
  }
}
