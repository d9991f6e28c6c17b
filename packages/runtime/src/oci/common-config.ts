import { countsSwap } from "@sandbank/linux/cgroup";
import type { GuestMount, Limits, SandboxSpec } from "../contract.ts";
import type { OciConfig, OciMount, OciResources } from "./config.ts";

const mib = 1024 * 1024;
const cpuPeriodUs = 100_000;

/** All of one capability set, and no ambient ones: a user other than root starts with none. */
export function capabilitySets(names: string[]): OciConfig["process"]["capabilities"] {
  return { bounding: names, effective: names, permitted: names, inheritable: [], ambient: [] };
}

/** Limits as control group settings; `pids` counts what the host sees. */
export function hostResources(limits: Limits, pids: number): OciResources {
  const memoryBytes = limits.memoryMib * mib;
  return {
    // Equal to the limit: no swap on top of it. Kernels that do not count swap refuse the setting.
    memory: { limit: memoryBytes, ...(countsSwap() && { swap: memoryBytes }) },
    cpu: { quota: Math.round(limits.cpuCount * cpuPeriodUs), period: cpuPeriodUs },
    pids: { limit: pids },
  };
}

/** What every Linux program expects to find mounted, apart from /sys. */
export function standardMounts(limits: Limits): OciMount[] {
  const devOptions = ["nosuid", "strictatime", "mode=755", "size=65536k"];
  const shmMib = Math.max(16, Math.floor(limits.memoryMib / 2));
  return [
    { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] },
    { destination: "/dev", type: "tmpfs", source: "tmpfs", options: devOptions },
    {
      destination: "/dev/pts",
      type: "devpts",
      source: "devpts",
      options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
    },
    {
      destination: "/dev/shm",
      type: "tmpfs",
      source: "shm",
      options: ["nosuid", "noexec", "nodev", "mode=1777", `size=${shmMib}m`],
    },
  ];
}

export function bindMount(mount: GuestMount): OciMount {
  return {
    destination: mount.target,
    type: "bind",
    source: mount.source,
    options: ["rbind", "rprivate", "nosuid", "nodev", mount.readonly ? "ro" : "rw"],
  };
}

export function networkNamespace(spec: SandboxSpec): { type: string; path?: string } {
  const { netnsPath } = spec.network;
  return netnsPath === undefined ? { type: "network" } : { type: "network", path: netnsPath };
}

/** The parts that are the same under every OCI runtime. */
export function processOf(
  spec: SandboxSpec,
): Pick<OciConfig["process"], "terminal" | "user" | "args" | "env" | "cwd"> {
  const env = Object.entries(spec.env).map(([name, value]) => `${name}=${value}`);
  return { terminal: false, user: { uid: 0, gid: 0 }, args: spec.args, env, cwd: "/" };
}

/** Control group of a sandbox, below the one that all sandboxes of a cloud share. */
export const cgroupPath = (parent: string, id: string): string => `${parent}/${id}`;
