import { readFileSync, statfsSync } from "node:fs";

/** GET /metrics in the units of its names: bytes, MiB, seconds since 1970; the percentage is 0 to 100 of all cores. */
export interface Metrics {
  ts: number;
  cpu_count: number;
  cpu_used_pct: number;
  mem_total: number;
  mem_used: number;
  mem_total_mib: number;
  mem_used_mib: number;
  mem_cache: number;
  disk_used: number;
  disk_total: number;
}

interface CpuTimes {
  busy: number;
  total: number;
}

/** Takes the CPU share as that between two readings, the first of them at the daemon's start. */
export class MetricsReader {
  #last: CpuTimes = { busy: 0, total: 0 };
  #usedPct = 0;

  read(): Metrics {
    const memory = readMemory();
    const disk = statfsSync("/");
    const mib = (bytes: number) => Math.floor(bytes / 1024 / 1024);
    return {
      ts: Math.floor(Date.now() / 1000),
      cpu_count: navigator.hardwareConcurrency,
      cpu_used_pct: this.#cpuUsedPct(),
      mem_total: memory.total,
      mem_used: memory.used,
      mem_total_mib: mib(memory.total),
      mem_used_mib: mib(memory.used),
      mem_cache: memory.cache,
      disk_used: (disk.blocks - disk.bfree) * disk.bsize,
      disk_total: disk.blocks * disk.bsize,
    };
  }

  #cpuUsedPct(): number {
    const now = readCpuTimes();
    const total = now.total - this.#last.total;
    if (total > 0) {
      this.#usedPct = Math.round((1000 * (now.busy - this.#last.busy)) / total) / 10;
      this.#last = now;
    }
    return Math.min(Math.max(this.#usedPct, 0), 100);
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    // Not every kernel and container shows every file; absent figures read as zero.
    return "";
  }
}

function readCpuTimes(): CpuTimes {
  const fields = /^cpu +(.*)$/m.exec(readText("/proc/stat"))?.[1]?.split(" ").map(Number) ?? [];
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] = fields;
  const busy = user + nice + system + irq + softirq + steal;
  return { busy, total: busy + idle + iowait };
}

function readMemory(): { total: number; used: number; cache: number } {
  const text = readText("/proc/meminfo");
  const bytes = (name: string) => Number(new RegExp(`^${name}: +(\\d+)`, "m").exec(text)?.[1] ?? 0) * 1024;
  const total = bytes("MemTotal");
  const cache = bytes("Cached");
  return { total, used: Math.max(total - bytes("MemFree") - bytes("Buffers") - cache, 0), cache };
}
