import { readFileSync } from "node:fs";
import { cgroupVersion } from "./cgroup.ts";
import { hasCode } from "./libc.ts";

const cgroupRoot = "/sys/fs/cgroup";

/** Counters of a control group with everything below it. */
export interface CgroupUsage {
  /** CPU time since the group was made. */
  cpuUsec: number;
  /** All memory that is charged to the group. */
  memoryBytes: number;
  /** The part of it that the kernel can take back: the page cache without shared memory. */
  cacheBytes: number;
}

/** What the group `path` (`/sandbank/ID`) uses, on either version of control groups; undefined when it does not exist. */
export function cgroupUsage(path: string): CgroupUsage | undefined {
  try {
    return cgroupVersion() === 2 ? readVersion2(path) : readVersion1(path);
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENODEV")) return undefined;
    throw error;
  }
}

function readVersion2(path: string): CgroupUsage {
  const directory = `${cgroupRoot}${path}`;
  const memory = parseCounters(readFileSync(`${directory}/memory.stat`, "utf8"));
  return {
    cpuUsec: parseCounters(readFileSync(`${directory}/cpu.stat`, "utf8")).get("usage_usec") ?? 0,
    memoryBytes: Number(readFileSync(`${directory}/memory.current`, "utf8")),
    cacheBytes: Math.max(0, (memory.get("file") ?? 0) - (memory.get("shmem") ?? 0)),
  };
}

function readVersion1(path: string): CgroupUsage {
  const memory = parseCounters(readFileSync(`${cgroupRoot}/memory${path}/memory.stat`, "utf8"));
  return {
    // Nanoseconds there.
    cpuUsec: Number(readFileSync(`${cgroupRoot}/cpuacct${path}/cpuacct.usage`, "utf8")) / 1000,
    memoryBytes: Number(readFileSync(`${cgroupRoot}/memory${path}/memory.usage_in_bytes`, "utf8")),
    cacheBytes: Math.max(0, (memory.get("total_cache") ?? 0) - (memory.get("total_shmem") ?? 0)),
  };
}

/** Lines of `name number`. */
export function parseCounters(text: string): Map<string, number> {
  const counters = new Map<string, number>();
  for (const line of text.split("\n")) {
    const space = line.indexOf(" ");
    if (space > 0) counters.set(line.slice(0, space), Number(line.slice(space + 1)));
  }
  return counters;
}
