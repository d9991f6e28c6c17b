import { mkdir, readFile, writeFile } from "node:fs/promises";
import { cpus, loadavg, release, totalmem } from "node:os";
import { join } from "node:path";
import type { Summary } from "./statistics.ts";

/** What a figure depends on and a reader must know. */
export interface MachineStamp {
  at: string;
  kernel: string;
  cpu: string;
  cpuCount: number;
  memoryMib: number;
  /** Of the last minute, when the stamp was taken. */
  loadAverage: number;
  cgroupVersion: 1 | 2;
  node: string;
}

export async function machineStamp(): Promise<MachineStamp> {
  const mounts = await readFile("/proc/self/mounts", "utf8");
  return {
    at: new Date().toISOString(),
    kernel: release(),
    cpu: cpus()[0]?.model ?? "unknown",
    cpuCount: cpus().length,
    memoryMib: Math.round(totalmem() / 1024 ** 2),
    loadAverage: Number((loadavg()[0] ?? 0).toFixed(2)),
    cgroupVersion: mounts.includes(" /sys/fs/cgroup cgroup2 ") ? 2 : 1,
    node: process.version,
  };
}

export interface Report {
  bench: string;
  machine: MachineStamp;
  /** Milliseconds. */
  rows: Record<string, Summary>;
  ratios: Record<string, number>;
  notes: string[];
}

const resultsDir = join(import.meta.dirname, "../../results");

/** Writes `results/NAME-TIME.json` and returns its path. */
export async function saveReport(report: Report): Promise<string> {
  await mkdir(resultsDir, { recursive: true });
  const path = join(resultsDir, `${report.bench}-${report.machine.at.replaceAll(/[:.]/g, "")}.json`);
  await writeFile(path, `${JSON.stringify(report, undefined, 2)}\n`);
  return path;
}

export function printReport(report: Report): void {
  const { machine } = report;
  const lines = [
    `${report.bench}: ${machine.cpuCount} × ${machine.cpu}, kernel ${machine.kernel}, load ${machine.loadAverage}`,
    `${"ms".padEnd(44)}${["n", "min", "median", "p90", "p99", "max"].map((h) => h.padStart(9)).join("")}`,
    ...Object.entries(report.rows).map(([name, row]) => rowText(name, row)),
    ...Object.entries(report.ratios).map(
      ([name, ratio]) => `${name.padEnd(53)}${ratio.toFixed(2).padStart(9)}`,
    ),
    ...report.notes.map((note) => `note: ${note}`),
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}

function rowText(name: string, row: Summary): string {
  const figures = [row.min, row.median, row.p90, row.p99, row.max].map((ms) => ms.toFixed(2).padStart(9));
  return `${name.padEnd(44)}${String(row.count).padStart(9)}${figures.join("")}`;
}
