import type { TeamLimits } from "@sandbank/store/teams";

interface LimitOption {
  /** As commander names the option's value. */
  key: string;
  flag: string;
  limit: keyof TeamLimits;
  description: string;
  /** What one of the option is in the limit's unit. */
  factor?: number;
}

/** The limits that `team limits` sets; each takes a number or `default`. */
export const limitOptions: LimitOption[] = [
  {
    key: "maxSandboxes",
    flag: "--max-sandboxes",
    limit: "maxSandboxes",
    description: "concurrent sandboxes",
  },
  { key: "maxCpus", flag: "--max-cpus", limit: "maxCpuCount", description: "CPUs of all sandboxes" },
  {
    key: "maxMemoryMib",
    flag: "--max-memory-mib",
    limit: "maxMemoryMib",
    description: "memory of all sandboxes",
  },
  { key: "maxDiskMib", flag: "--max-disk-mib", limit: "maxDiskMib", description: "disk of all sandboxes" },
  { key: "maxVolumes", flag: "--max-volumes", limit: "maxVolumes", description: "volumes" },
  {
    key: "maxVolumesMib",
    flag: "--max-volumes-mib",
    limit: "maxVolumesMib",
    description: "sizes of all volumes",
  },
  { key: "volumeMib", flag: "--volume-mib", limit: "volumeMib", description: "size of a new volume" },
  {
    key: "maxSandboxHours",
    flag: "--max-sandbox-hours",
    limit: "maxLengthMs",
    description: "hours that a sandbox may live",
    factor: 3_600_000,
  },
  {
    key: "maxRequestsPerSec",
    flag: "--max-requests-per-sec",
    limit: "maxRequestsPerSec",
    description: "API requests per second",
  },
  {
    key: "maxKeyRequestsPerSec",
    flag: "--max-key-requests-per-sec",
    limit: "maxKeyRequestsPerSec",
    description: "API requests per second with one key",
  },
];
