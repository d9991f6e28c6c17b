import { statfsSync } from "node:fs";
import { cgroupUsage } from "@sandbank/linux/cgroup-usage";
import { hasCode } from "@sandbank/linux/libc";
import { childrenOf, continueProcess, isRunning, readStat } from "@sandbank/linux/process";
import { readConsoleTail } from "../console-log.ts";
import type { ExitInfo, RuntimeSandbox, SandboxProcess, Usage } from "../contract.ts";
import type { ExitWatch } from "../exit-watch.ts";
import type { SandboxRecord } from "../record.ts";

export interface OciSandboxParts {
  consoleLog: string;
  /** Control group, e.g. `/sandbank-sb/ID`. */
  cgroup: string;
  /** Mount point of the writable layer's file system. */
  disk: string;
  exits: ExitWatch;
  spareWhatRuns: () => void;
  /** Set where the guest's processes are not the host's. */
  wakeGuest: (() => Promise<string[]>) | undefined;
  destroy: () => Promise<void>;
}

/** One sandbox of an OCI driver; holds nothing that another process could not read from its record. */
export class OciSandbox implements RuntimeSandbox {
  readonly id: string;
  readonly pid: number;
  readonly exited: Promise<ExitInfo>;
  readonly consoleFile: string;
  readonly #record: SandboxRecord;
  readonly #parts: OciSandboxParts;

  constructor(record: SandboxRecord, parts: OciSandboxParts) {
    this.id = record.id;
    this.pid = record.process?.pid ?? 0;
    this.#record = record;
    this.#parts = parts;
    this.consoleFile = parts.consoleLog;
    // One that never started has no end to wait for.
    this.exited =
      record.process && record.started
        ? parts.exits.exited(record.id, record.process, record.monitor)
        : Promise.resolve({ exitCode: undefined });
  }

  isAlive(): boolean {
    const { process, started } = this.#record;
    return process !== undefined && started === true && isRunning(process);
  }

  consoleTail(maxBytes: number): Promise<string> {
    return readConsoleTail(this.#parts.consoleLog, maxBytes);
  }

  spareWhatRuns(): void {
    this.#parts.spareWhatRuns();
  }

  usage(): Usage | undefined {
    const used = cgroupUsage(this.#parts.cgroup);
    const disk = readDisk(this.#parts.disk);
    return used && disk && { ...used, ...disk };
  }

  processes(): SandboxProcess[] {
    const first = readStat(this.pid);
    if (!first || first.startTicks !== this.#record.process?.startTicks) return [];
    // A sentry's children are its own, not the guest's.
    const children = this.#parts.wakeGuest ? [] : childrenOf(this.pid);
    return [first, ...children].map(({ pid, name, state }) => ({ pid, name, state }));
  }

  async wake(): Promise<string[]> {
    const stopped = this.processes().filter(({ state }) => state === "T");
    for (const { pid } of stopped) continueProcess(pid);
    const inside = this.isAlive() ? await this.#parts.wakeGuest?.() : undefined;
    return [...stopped.map(({ pid, name }) => `sent SIGCONT to ${name} (pid ${pid})`), ...(inside ?? [])];
  }

  destroy(): Promise<void> {
    return this.#parts.destroy();
  }
}

/** The file system as those see it who may not use its reserve. */
function readDisk(path: string): Pick<Usage, "diskUsedBytes" | "diskTotalBytes"> | undefined {
  try {
    const { blocks, bfree, bsize } = statfsSync(path);
    return { diskUsedBytes: (blocks - bfree) * bsize, diskTotalBytes: blocks * bsize };
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}
