import { readFileSync } from "node:fs";

/** Time since boot, sleep included; 10 ms fine. */
export const readUptimeMs = (): number => Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]) * 1000;

/** Measures how far the wall clock moves against the time since boot from now on. */
export function watchClock(): () => number {
  const offset = (): number => Date.now() - readUptimeMs();
  const begun = offset();
  return () => Math.round(offset() - begun);
}
