import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hasCode } from "@sandbank/linux/libc";
import type { ProcessIdentity } from "@sandbank/linux/process";

/** What a driver writes down in a sandbox's `workDir`, so that a later process can take the sandbox over. */
export interface SandboxRecord {
  id: string;
  driver: string;
  /** Absolute path of the runtime that made it. */
  runtimePath: string;
  /** Known once it has been created. */
  process?: ProcessIdentity;
  monitor?: ProcessIdentity;
  /** Present once its first program was let run; without it the process that made this record was cut short. */
  started?: true;
  idRange?: number;
}

const pathOf = (workDir: string): string => `${workDir}/runtime.json`;

/** Replaces the record as a whole: a reader finds the old one or the new one. */
export function writeRecord(workDir: string, record: SandboxRecord): void {
  const path = pathOf(workDir);
  writeFileSync(`${path}.new`, JSON.stringify(record), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** undefined when there is none. */
export function readRecord(workDir: string): SandboxRecord | undefined {
  try {
    return JSON.parse(readFileSync(pathOf(workDir), "utf8")) as SandboxRecord;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

export function removeRecord(workDir: string): void {
  rmSync(`${pathOf(workDir)}.new`, { force: true });
  rmSync(pathOf(workDir), { force: true });
}
