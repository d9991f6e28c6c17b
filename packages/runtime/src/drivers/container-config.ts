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
import { bundlePaths } from "../oci/paths.ts";
import { seccompProfile } from "./seccomp-profile.ts";
import { idsPerRange } from "./uid-ranges.ts";

/** What root inside needs to install packages and to change owners; all of it only towards its own user namespace. */
const capabilities = [
  "CAP_AUDIT_WRITE",
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_FOWNER",
  "CAP_FSETID",
  "CAP_KILL",
  "CAP_NET_BIND_SERVICE",
  "CAP_SETFCAP",
  "CAP_SETGID",
  "CAP_SETPCAP",
  "CAP_SETUID",
  "CAP_SYS_CHROOT",
];

const maskedPaths = [
  "/proc/acpi",
  "/proc/asound",
  "/proc/bus",
  "/proc/config.gz",
  "/proc/interrupts",
  "/proc/irq/default_smp_affinity",
  "/proc/kallsyms",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/sys/devices/virtual/powercap",
  "/sys/firmware",
  "/sys/fs/cgroup",
  "/sys/kernel/debug",
  "/sys/kernel/security",
  "/sys/kernel/tracing",
];
const readonlyPaths = ["/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/** `config.json` of a sandbox under runc or crun. `firstId` is the host's id of root inside. */
export function containerConfig(
  spec: SandboxSpec,
  rootfs: string,
  firstId: number,
  cgroupsPath: string,
): OciConfig {
  const mapping = [{ containerID: 0, hostID: firstId, size: idsPerRange }];
  const files = openFilesHardLimit();
  return {
    ociVersion: "1.0.2",
    process: {
      ...processOf(spec),
      capabilities: capabilitySets(capabilities),
      rlimits: [
        { type: "RLIMIT_NOFILE", hard: files, soft: Math.min(files, 65_536) },
        // The group holds all users' processes together; the daemon divides this one between itself and programs.
        { type: "RLIMIT_NPROC", hard: spec.limits.pids, soft: spec.limits.pids },
      ],
      noNewPrivileges: true,
    },
    root: { path: rootfs, readonly: false },
    hostname: spec.hostname,
    mounts: [
      ...standardMounts(spec.limits),
      {
        destination: "/dev/mqueue",
        type: "mqueue",
        source: "mqueue",
        options: ["nosuid", "noexec", "nodev"],
      },
      sysMount(spec),
      ...spec.mounts.map(bindMount),
    ],
    linux: {
      namespaces: [
        { type: "pid" },
        { type: "ipc" },
        { type: "uts" },
        { type: "mount" },
        { type: "cgroup" },
        { type: "user" },
        networkNamespace(spec),
      ],
      uidMappings: mapping,
      gidMappings: mapping,
      cgroupsPath: cgroupsPath,
      resources: {
        devices: [{ allow: false, access: "rwm" }],
        ...hostResources(spec.limits, spec.limits.pids),
      },
      maskedPaths,
      readonlyPaths,
      seccomp: seccompProfile(process.arch),
    },
  };
}

/** The sandbox may not mount a sysfs for a network namespace that another user namespace owns; the driver has. */
function sysMount(spec: SandboxSpec): OciMount {
  const options = ["nosuid", "noexec", "nodev", "ro"];
  if (spec.network.netnsPath === undefined) {
    return { destination: "/sys", type: "sysfs", source: "sysfs", options };
  }
  const source = bundlePaths(spec.workDir).sysfs;
  return { destination: "/sys", type: "bind", source, options: ["rbind", "rslave", ...options] };
}
