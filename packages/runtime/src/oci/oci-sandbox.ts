import { isRunning } from "@sandbank/linux/process";
import { readConsoleTail } from "../console-log.ts";
import type { ExitInfo, RuntimeSandbox } from "../contract.ts";
import type { ExitWatch } from "../exit-watch.ts";
import type { SandboxRecord } from "../record.ts";

export interface OciSandboxParts {
  consoleLog: string;
  exits: ExitWatch;
  destroy: () => Promise<void>;
}

/** One sandbox of an OCI driver; holds nothing that another process could not read from its record. */
export class OciSandbox implements RuntimeSandbox {
  readonly id: string;
  readonly pid: number;
  readonly exited: Promise<ExitInfo>;
  readonly #record: SandboxRecord;
  readonly #parts: OciSandboxParts;

  constructor(record: SandboxRecord, parts: OciSandboxParts) {
    this.id = record.id;
    this.pid = record.process?.pid ?? 0;
    this.#record = record;
    this.#parts = parts;
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

  destroy(): Promise<void> {
    return this.#parts.destroy();
  }
}
