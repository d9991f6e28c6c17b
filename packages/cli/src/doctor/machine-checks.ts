import { existsSync, statfsSync } from "node:fs";
import { dirname } from "node:path";
import type { Config } from "../config/env.ts";
import { readUptimeMs } from "./uptime.ts";
import { type RatedCheck, bad, poor, well } from "./check.ts";
import type { ServiceState } from "./service-state.ts";

const maxClockOffsetMs = 1_000;
const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** The wall clock against the clock since boot, and this process' against the service's. */
export function checkClocks(service: ServiceState): RatedCheck {
  const own = `${new Date().toISOString()}, up ${seconds(readUptimeMs())}`;
  if (service.kind !== "up") return well("clocks", `${own}; no service to compare with`);
  const { clockJumpMs } = service.facts;
  const offsetMs = service.clockOffsetMs;
  const evidence = `${own}; the service's clock differs by ${seconds(offsetMs)}; the wall clock moved by ${seconds(clockJumpMs)} against the time since boot while the service ran`;
  if (Math.abs(offsetMs) > maxClockOffsetMs) {
    return poor("clocks", {
      evidence,
      meaning: "this command and the service do not agree on the time: one of them runs with a shifted clock",
      remedy: "run both without time namespaces or preloaded clocks; check the host's time with timedatectl",
    });
  }
  if (Math.abs(clockJumpMs) <= maxClockOffsetMs) return well("clocks", evidence);
  return poor("clocks", {
    evidence,
    meaning:
      "the host's clock was set while the service ran: sandboxes end too early or too late, and logs jump",
    remedy:
      "keep time with chrony or systemd-timesyncd; then restart the service, which measures anew; sandboxes go on",
  });
}

const mib = 1024 * 1024;

/** Free space below which new sandboxes are at risk, and below which nothing works (MiB). */
const thresholds = {
  large: { degraded: 1_024, broken: 64 },
  small: { degraded: 16, broken: 1 },
};
const minFreeInodes = 1_000;

/** Room below every directory that the cloud writes to. */
export function checkDisk(config: Config): RatedCheck {
  const places = [
    { dir: config.stateDir, setting: "SANDBANK_STATE_DIR", least: thresholds.large },
    { dir: config.cacheDir, setting: "SANDBANK_CACHE_DIR", least: thresholds.small },
    { dir: config.runDir, setting: "SANDBANK_RUN_DIR", least: thresholds.small },
    { dir: config.logDir, setting: "SANDBANK_LOG_DIR", least: thresholds.small },
  ];
  const readings = places.map(({ dir, setting, least }) => {
    const { bavail, bsize, ffree, files } = statfsSync(existing(dir));
    const freeMib = Math.floor((bavail * bsize) / mib);
    const noInodes = files > 0 && ffree < minFreeInodes;
    const level = freeMib < least.broken || noInodes ? 2 : freeMib < least.degraded ? 1 : 0;
    const text = `${dir}: ${freeMib} MiB free${noInodes ? `, ${ffree} inodes` : ""}`;
    return { level, text, setting };
  });
  const evidence = readings.map(({ text }) => text).join("; ");
  const worst = readings.reduce((left, right) => (right.level > left.level ? right : left));
  if (worst.level === 0) return well("disk", evidence);
  return (worst.level === 2 ? bad : poor)("disk", {
    evidence: `${worst.text} (${evidence})`,
    meaning:
      worst.level === 2
        ? "the disk is full: sandboxes can't be made, and running ones can't write"
        : "little room is left: sandboxes' disks grow as they are written to, and may fill it",
    remedy: `free space there, or move it with ${worst.setting}; sandbank ps shows what runs`,
  });
}

/** The directory, or the nearest one above that is there. */
const existing = (dir: string): string => (existsSync(dir) ? dir : existing(dirname(dir)));
