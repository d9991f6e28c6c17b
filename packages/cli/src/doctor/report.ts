import {
  exitCodeOf,
  type Fix,
  type NodeReport,
  type Verdict,
  worst,
} from "@sandbank/orchestrator/doctor/report";
import type { HostReport } from "./host-checks.ts";

/** The contract of `sandbank doctor --json`: spec/doctor.schema.json. */
export interface DoctorReport extends NodeReport {
  host: HostReport;
  /** Only after `--fix`. */
  fixes?: Fix[];
}

/** A leak does no harm at once: it makes the whole degraded. */
export function overall({ host, sandboxes, orphans }: DoctorReport): Verdict {
  return worst([
    host.verdict,
    ...sandboxes.map(({ verdict }) => verdict),
    ...(orphans.length > 0 ? (["degraded"] as const) : []),
  ]);
}

/** 0 healthy, 1 degraded, 2 broken. */
export const exitCode = (report: DoctorReport): number => exitCodeOf(overall(report));
