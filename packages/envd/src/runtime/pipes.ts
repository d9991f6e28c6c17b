import { closeSync, fchownSync } from "node:fs";
import { AppError } from "@sandbank/core/errors";
import { openFlags, syscallNumber } from "../system/syscalls.ts";
import type { Libc } from "./runtime.ts";

const F_SETFL = 4;
const F_SETPIPE_SZ = 1031;
/** The kernel's usual size, asked for because it gives less to a user who has many pipes already. */
const outputPipeBytes = 64 * 1024;

export interface Pipe {
  readEnd: number;
  writeEnd: number;
}

/** A close-on-exec pipe whose `ours` end does not block; the process's end does, as programs expect. */
export function openPipe(
  libc: Libc,
  ours: "readEnd" | "writeEnd",
  owner: { uid: number; gid: number },
): Pipe {
  const fds = new Int32Array(2);
  const result = libc.syscall(syscallNumber("pipe2"), fds, openFlags.cloexec);
  const [readEnd, writeEnd] = fds;
  if (result < 0 || readEnd === undefined || writeEnd === undefined) {
    throw new AppError({ code: "resource_exhausted", message: `no pipe to be had (errno ${-result})` });
  }
  const pipe = { readEnd, writeEnd };
  libc.syscall(syscallNumber("fcntl"), pipe[ours], F_SETFL, openFlags.nonblock);
  if (ours === "readEnd") libc.syscall(syscallNumber("fcntl"), writeEnd, F_SETPIPE_SZ, outputPipeBytes);
  // The process may open its end again by name (/dev/stdout), as its own user.
  if (owner.uid !== 0 || owner.gid !== 0) fchownSync(readEnd, owner.uid, owner.gid);
  return pipe;
}

/** Closes descriptors that a failed step leaves behind. */
export function closeAll(...fds: (number | undefined)[]): void {
  for (const fd of fds) if (fd !== undefined) closeSync(fd);
}
