import { readFileSync, readdirSync } from "node:fs";
import { cgroupDirectories } from "@sandbank/linux/cgroup";
import { hasCode } from "@sandbank/linux/libc";
import { mountPointsUnder } from "@sandbank/linux/mount";
import { benchCgroup } from "./real-drivers.ts";

/** Counts of what the sandboxes of one bench hold on the host, for a comparison of before and after. */
export interface HostCounts {
  processes: number;
  zombies: number;
  mounts: number;
  loopDevices: number;
  cgroups: number;
  files: string[];
  openFiles: number;
}

/**
 * `benchDirectory` is where the bench keeps everything, `directory` the part of it to look at; `ids` are all sandboxes it ever had, `ownPids` their processes: what other
 * programs leave unreaped on the machine is not counted.
 */
export function countHost(
  benchDirectory: string,
  ids: string[],
  ownPids: number[] = [],
  directory = benchDirectory,
): HostCounts {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const loops = readdirSync("/sys/block").filter((name) => name.startsWith("loop"));
  return {
    processes: pids.filter((pid) => readIfThere(`/proc/${pid}/cmdline`).includes(directory)).length,
    zombies: pids.filter((pid) => isOwnZombie(pid, ownPids)).length,
    mounts: mountPointsUnder(directory).length,
    loopDevices: loops.filter((name) =>
      readIfThere(`/sys/block/${name}/loop/backing_file`).includes(directory),
    ).length,
    cgroups: ids.flatMap((id) => cgroupDirectories(`${benchCgroup(benchDirectory)}/${id}`)).length,
    // Only the sandboxes' own directories, which their makers remove, go on existing.
    files: readdirSync(directory, { recursive: true, encoding: "utf8" })
      .filter((path) => !ids.includes(path) && !path.endsWith("console.log"))
      .sort(),
    openFiles: readdirSync("/proc/self/fd").length,
  };
}

function isOwnZombie(pid: string, ownPids: number[]): boolean {
  const match = /^\d+ \(.*\) Z (\d+)/s.exec(readIfThere(`/proc/${pid}/stat`));
  return match !== null && (ownPids.includes(Number(pid)) || Number(match[1]) === process.pid);
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT", "ESRCH", "ENXIO")) return "";
    throw error;
  }
}
