import { existsSync, readFileSync, readdirSync, rmdirSync } from "node:fs";
import { poll } from "@sandbank/core/deadline";
import { AppError } from "@sandbank/core/errors";
import { hasCode } from "./libc.ts";

const cgroupRoot = "/sys/fs/cgroup";

/** 2 on hosts with the unified hierarchy, 1 on those with a tree per controller (also where both are mounted). */
export const cgroupVersion = (): 1 | 2 => (existsSync(`${cgroupRoot}/cgroup.controllers`) ? 2 : 1);

/** Whether the kernel can limit swap per group; on version 1 that is an option at boot. */
export const countsSwap = (): boolean =>
  cgroupVersion() === 2 || existsSync(`${cgroupRoot}/memory/memory.memsw.limit_in_bytes`);

/** Where the group `path` (`/sandbank/ID`) exists: one directory on version 2, one per hierarchy on version 1. */
export function cgroupDirectories(path: string): string[] {
  return hierarchies()
    .map((root) => `${root}${path}`)
    .filter((directory) => existsSync(directory));
}

function hierarchies(): string[] {
  if (cgroupVersion() === 2) return [cgroupRoot];
  const entries = readdirSync(cgroupRoot, { withFileTypes: true });
  // Some distributions name one hierarchy twice by symbolic link (cpu -> cpu,cpuacct).
  return entries.filter((entry) => entry.isDirectory()).map((entry) => `${cgroupRoot}/${entry.name}`);
}

/** Names of the groups directly below `path`, in any hierarchy. */
export function cgroupChildren(path: string): string[] {
  const names = cgroupDirectories(path).flatMap((directory) =>
    readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name),
  );
  return [...new Set(names)];
}

/** Pids in the group itself or below, in any hierarchy. */
export function cgroupProcesses(path: string): number[] {
  const pids = new Set<number>();
  for (const root of cgroupDirectories(path)) {
    for (const directory of subtree(root)) {
      for (const line of readIfThere(`${directory}/cgroup.procs`).split("\n")) {
        if (line !== "") pids.add(Number(line));
      }
    }
  }
  return [...pids];
}

/**
 * Kills what is in the group and removes it from every hierarchy. Nothing happens when it does not exist.
 * Rejects with AppError `deadline_exceeded` when something in it outlives SIGKILL for `timeoutMs`.
 */
export async function removeCgroup(path: string, timeoutMs: number): Promise<void> {
  const gone = await poll(
    () => {
      for (const pid of cgroupProcesses(path)) kill(pid);
      return cgroupDirectories(path).every(removeTree) || undefined;
    },
    { timeoutMs },
  );
  if (gone) return;
  throw new AppError({
    code: "deadline_exceeded",
    message: "a control group could not be removed",
    detail: `${path} still holds ${cgroupProcesses(path).join(" ")}`,
  });
}

/** Removes the group where it holds neither processes nor groups; elsewhere nothing happens. */
export function removeIdleCgroup(path: string): void {
  for (const directory of cgroupDirectories(path)) {
    try {
      rmdirSync(directory);
    } catch (error) {
      if (!hasCode(error, "ENOENT", "EBUSY", "ENOTEMPTY")) throw error;
    }
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (!hasCode(error, "ESRCH")) throw error;
  }
}

function removeTree(directory: string): boolean {
  try {
    for (const each of subtree(directory).toReversed()) rmdirSync(each);
    return true;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return true;
    if (hasCode(error, "EBUSY", "ENOTEMPTY")) return false;
    throw error;
  }
}

/** `directory` and all groups below it, parents first. */
function subtree(directory: string): string[] {
  const found = [directory];
  try {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      if (entry.isDirectory()) found.push(...subtree(`${directory}/${entry.name}`));
    }
  } catch (error) {
    if (!hasCode(error, "ENOENT", "ENODEV")) throw error;
  }
  return found;
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    // The group was removed meanwhile.
    if (hasCode(error, "ENOENT", "ENODEV")) return "";
    throw error;
  }
}
