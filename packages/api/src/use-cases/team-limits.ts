import { AppError } from "@sandbank/core/errors";
import type { Reservation } from "@sandbank/store/reservation";
import type { Team, TeamLimits } from "@sandbank/store/teams";

type LimitName = keyof TeamLimits;

interface LimitText {
  /** After the number: what is counted. */
  unit: string;
  /** Option of `sandbank team limits`. */
  option: string;
  /** Environment variable with the value of teams that have none of their own. */
  setting: string;
}

/** How each limit is spoken of, and where it is set. */
export const limitTexts: Record<LimitName, LimitText> = {
  maxSandboxes: {
    unit: "concurrent sandboxes",
    option: "--max-sandboxes",
    setting: "SANDBANK_MAX_SANDBOXES",
  },
  maxCpuCount: { unit: "CPUs in all sandboxes", option: "--max-cpus", setting: "SANDBANK_MAX_CPUS" },
  maxMemoryMib: {
    unit: "MiB of memory in all sandboxes",
    option: "--max-memory-mib",
    setting: "SANDBANK_MAX_MEMORY_MIB",
  },
  maxDiskMib: {
    unit: "MiB of disk in all sandboxes",
    option: "--max-disk-mib",
    setting: "SANDBANK_MAX_DISK_MIB",
  },
  maxVolumes: { unit: "volumes", option: "--max-volumes", setting: "SANDBANK_MAX_VOLUMES" },
  maxVolumesMib: {
    unit: "MiB of all volumes",
    option: "--max-volumes-mib",
    setting: "SANDBANK_MAX_VOLUMES_MIB",
  },
  volumeMib: { unit: "MiB of a new volume", option: "--volume-mib", setting: "SANDBANK_VOLUME_MIB" },
  maxLengthMs: {
    unit: "ms of a sandbox's life",
    option: "--max-sandbox-hours",
    setting: "SANDBANK_MAX_SANDBOX_HOURS",
  },
  maxRequestsPerSec: {
    unit: "requests per second",
    option: "--max-requests-per-sec",
    setting: "SANDBANK_MAX_REQUESTS_PER_SEC",
  },
  maxKeyRequestsPerSec: {
    unit: "requests per second with one key",
    option: "--max-key-requests-per-sec",
    setting: "SANDBANK_MAX_KEY_REQUESTS_PER_SEC",
  },
};

/** Where `limit` is set, as the end of a message. */
export function howToRaise(team: Team, limit: LimitName): string {
  const { option, setting } = limitTexts[limit];
  const command = `raise the limit with "sandbank team limits ${team.slug} ${option} N"`;
  // A team's own limit stands over the setting.
  return team.limits[limit] === undefined ? `${command} or, for every team, with ${setting}` : command;
}

/** The refusal of a sandbox that its team has no room for. */
export function teamLimitReached(
  team: Team,
  { limit, max, used }: Extract<Reservation, { outcome: "exceeded" }>,
): AppError {
  const { unit } = limitTexts[limit];
  return new AppError({
    code: "resource_exhausted",
    reason: "team_limit_reached",
    message:
      `Team "${team.name}" would go over its limit ${limit} of ${max} ${unit} (${used} in use): ` +
      `end a sandbox, or ${howToRaise(team, limit)}`,
  });
}
