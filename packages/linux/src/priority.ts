import { readdirSync } from "node:fs";
import { constants, setPriority } from "node:os";
import { checked, hasCode, libc } from "./libc.ts";

const schedOther = 0;
const schedResetOnFork = 0x40000000;

/**
 * Lets a process, but nothing that it starts from now on, have the processor before others of its control group. Of its
 * threads those that there are already. Nothing happens when it has ended, or where this process may not do that.
 */
export function favour(pid: number): void {
  try {
    for (const thread of readdirSync(`/proc/${pid}/task`).map(Number)) favourThread(thread);
  } catch (error) {
    if (!hasCode(error, "ENOENT", "ESRCH", "EPERM")) throw error;
  }
}

function favourThread(thread: number): void {
  // The kernel itself takes the priority back from children, so that there is no moment in which they have it.
  const policy = schedOther | schedResetOnFork;
  checked("sched_setscheduler", String(thread), libc.sched_setscheduler(thread, policy, Buffer.alloc(4)));
  try {
    setPriority(thread, constants.priority.PRIORITY_HIGHEST);
  } catch (error) {
    // Node puts the reason into `info` and calls everything ERR_SYSTEM_ERROR.
    const code = (error as { info?: { code?: string } }).info?.code;
    if (code !== "ESRCH" && code !== "EACCES" && code !== "EPERM") throw error;
  }
}
