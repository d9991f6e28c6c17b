import { dirname } from "node:path";
import { openFilesHardLimit } from "@sandbank/linux/limits";
import type { SandboxSpec } from "../contract.ts";
import type { OciConfig, OciMount } from "../oci/config.ts";
import {
  bindMount,
  capabilitySets,
  hostResources,
  networkNamespace,
  processOf,
  standardMounts,
} from "../oci/common-config.ts";

/**
 * What root may do inside. These are capabilities towards gVisor's own kernel, not the host's, so there are more than
 * in a container. SYS_ADMIN and SYS_RESOURCE are missing because their holders are exempt from the limit on processes.
 */
const capabilities = [
  "CAP_AUDIT_WRITE",
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_DAC_READ_SEARCH",
  "CAP_FOWNER",
  "CAP_FSETID",
  "CAP_IPC_LOCK",
  "CAP_KILL",
  "CAP_MKNOD",
  "CAP_NET_BIND_SERVICE",
  "CAP_SETFCAP",
  "CAP_SETGID",
  "CAP_SETPCAP",
  "CAP_SETUID",
  "CAP_SYS_CHROOT",
  "CAP_SYS_NICE",
  "CAP_SYS_PTRACE",
];

/**
 * Threads of the host that gVisor needs: its own, and for each process inside one or more that stand in for it.
 * The group's limit only guards the host; what counts processes inside is RLIMIT_NPROC.
 */
const hostThreads = (pids: number): number => 256 + 4 * pids;

/**
 * Every process inside costs up to a mebibyte of the sandbox's memory outside of the program, and a small Python another
 * two or three: with more of them memory would run out before the limit of processes ends a fork bomb. While one goes
 * on, every system call inside waits for all the others, so that fewer processes also mean a shorter wait.
 */
const guestProcesses = ({ pids, memoryMib }: SandboxSpec["limits"]): number =>
  Math.min(pids, Math.floor(memoryMib / 4));

/**
 * gVisor hides an empty /tmp behind a file system in memory; with something in it /tmp stays on the sandbox's disk.
 * The modes of control groups are gVisor's own: what is around them keeps users out.
 */
export function gvisorDirectories({ controlGroups }: SandboxSpec): Record<string, number> {
  const shown = { "/tmp": 0o1777, "/tmp/.X11-unix": 0o1777 };
  return controlGroups === undefined ? shown : { ...shown, [dirname(controlGroups)]: 0o700 };
}

function controlGroupsMount(path: string | undefined): OciMount[] {
  if (path === undefined) return [];
  return [{ destination: path, type: "cgroup", source: "cgroup", options: ["nosuid", "noexec", "nodev"] }];
}

/** `config.json` of a sandbox under runsc. */
export function gvisorConfig(spec: SandboxSpec, rootfs: string, cgroupsPath: string): OciConfig {
  const files = openFilesHardLimit();
  const pids = guestProcesses(spec.limits);
  const processes = { type: "RLIMIT_NPROC", hard: pids, soft: pids };
  return {
    ociVersion: "1.0.2",
    process: {
      ...processOf(spec),
      capabilities: capabilitySets(capabilities),
      rlimits: [{ type: "RLIMIT_NOFILE", hard: files, soft: Math.min(files, 65_536) }, processes],
      // sudo works inside: its set-user-ID bit gives rights in gVisor's kernel only.
      noNewPrivileges: false,
    },
    root: { path: rootfs, readonly: false },
    hostname: spec.hostname,
    mounts: [
      ...standardMounts(spec.limits),
      { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"] },
      ...controlGroupsMount(spec.controlGroups),
      ...spec.mounts.map(bindMount),
    ],
    linux: {
      namespaces: [
        { type: "pid" },
        { type: "ipc" },
        { type: "uts" },
        { type: "mount" },
        networkNamespace(spec),
      ],
      cgroupsPath: cgroupsPath,
      resources: hostResources(spec.limits, hostThreads(pids)),
    },
  };
}
