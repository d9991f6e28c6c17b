import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cgroupVersion, countsSwap } from "./cgroup.ts";
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

/**
 * Gives a process, and those it starts from now on, a group of their own below `group` (`/sandbank/ID`) with the memory
 * that `group` has had, and `group` itself `roomBytes` more: what runs out of memory there is never short of it here.
 * Only on version 1, where a group may hold processes and groups. Idempotent; nothing happens when both have ended.
 */
export function limitMemoryApart(group: string, pid: number, roomBytes: number): void {
  if (cgroupVersion() !== 1) return;
  try {
    splitMemory(`/sys/fs/cgroup/memory${group}`, pid, roomBytes);
  } catch (error) {
    if (!hasCode(error, "ENOENT", "ENODEV", "ESRCH")) throw error;
  }
}

function splitMemory(outer: string, pid: number, roomBytes: number): void {
  const inner = `${outer}/later`;
  if (existsSync(inner)) return;
  const limit = Number(readFileSync(`${outer}/memory.limit_in_bytes`, "utf8"));
  // With swap it has to be raised first.
  const files = [...(countsSwap() ? ["memory.memsw.limit_in_bytes"] : []), "memory.limit_in_bytes"];
  for (const file of files) writeFileSync(`${outer}/${file}`, String(limit + roomBytes));
  mkdirSync(inner);
  for (const file of files.toReversed()) writeFileSync(`${inner}/${file}`, String(limit));
  writeFileSync(`${inner}/cgroup.procs`, String(pid));
}
