import { spawn } from "node:child_process";
import { once } from "node:events";
import { openSync, readlinkSync, writeFileSync } from "node:fs";
import { poll } from "@sandbank/core/deadline";
import { AppError } from "@sandbank/core/errors";
import { systemPath } from "./command.ts";
import { findProgram } from "./program.ts";

export interface IdRange {
  /** First id on the host; is 0 inside. */
  first: number;
  count: number;
}

/**
 * A user namespace that maps ids 0 to count-1 to `range`. Gives an open descriptor, which keeps it alive:
 * the caller closes it. Takes a short-lived process, because a process with threads can't enter one itself.
 */
export async function openUserNamespace(range: IdRange): Promise<number> {
  const unshare = findProgram("unshare");
  if (unshare === undefined) throw new AppError({ code: "internal", message: "unshare is not installed" });
  const holder = spawn(unshare, ["--user", "cat"], {
    env: { PATH: systemPath },
    stdio: ["pipe", "ignore", "ignore"],
  });
  const ended = once(holder, "close");
  try {
    const pid = holder.pid;
    if (pid === undefined) throw new AppError({ code: "internal", message: "unshare can't be started" });
    const link = `/proc/${pid}/ns/user`;
    const ours = readlinkSync("/proc/self/ns/user");
    const entered = await poll(() => (readlinkSync(link) === ours ? undefined : true), {
      timeoutMs: 5000,
      intervalMs: 1,
    });
    if (!entered) throw new AppError({ code: "internal", message: "no user namespace could be made" });
    for (const map of ["uid_map", "gid_map"]) {
      writeFileSync(`/proc/${pid}/${map}`, `0 ${range.first} ${range.count}\n`);
    }
    return openSync(link, "r");
  } finally {
    holder.stdin.end();
    await ended;
  }
}
