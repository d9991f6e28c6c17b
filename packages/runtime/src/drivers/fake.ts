import { accessSync, constants, existsSync, mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { withTimeout } from "@sandbank/core/deadline";
import { AppError } from "@sandbank/core/errors";
import {
  continueProcess,
  findProcesses,
  identifyProcess,
  isRunning,
  type ProcessIdentity,
  readStat,
  signalGroup,
  signalProcess,
  waitForEnd,
} from "@sandbank/linux/process";
import { writeFileInRoot } from "@sandbank/linux/root-files";
import { spawnSupervised } from "@sandbank/linux/supervised";
import { readFileTail } from "../console-log.ts";
import type {
  ExitInfo,
  ProbeResult,
  RuntimeDriver,
  RuntimeSandbox,
  SandboxProcess,
  SandboxSpec,
} from "../contract.ts";
import { ExitWatch } from "../exit-watch.ts";
import { readRecord, removeRecord, writeRecord, type SandboxRecord } from "../record.ts";

const endTimeoutMs = 5000;

const pathsOf = (workDir: string) => ({
  root: `${workDir}/root`,
  consoleLog: `${workDir}/console.log`,
  pidFile: `${workDir}/fake.pid`,
});

/**
 * A stand-in for tests of what is above the drivers: "sandboxes" are plain processes on the host, with a supervisor each that
 * survives this process as a real monitor does. Nothing is confined: no file system, limits or network of their own.
 */
export class FakeDriver implements RuntimeDriver {
  readonly name = "fake";
  readonly isolation = "container";
  readonly capabilities = { pause: false, memorySnapshot: false, liveFork: false, ownNetworkStack: false };
  readonly sharedMounts = [];
  readonly #exitDir: string;
  readonly #exits: ExitWatch;

  constructor(stateDir: string) {
    this.#exitDir = `${stateDir}/exits`;
    this.#exits = new ExitWatch(this.#exitDir);
  }

  async probe(): Promise<ProbeResult> {
    return { usable: true, evidence: "a stand-in for tests that isolates nothing" };
  }

  async start(spec: SandboxSpec): Promise<RuntimeSandbox> {
    const { id, workDir, args, env } = spec;
    const { root, consoleLog, pidFile } = pathsOf(workDir);
    const program = args[0] ?? "";
    if (!isExecutable(program)) throw startError(`${program} is not a program`);
    const record: SandboxRecord = { id, driver: this.name, runtimePath: program };
    writeRecord(workDir, record);
    mkdirSync(root);
    for (const [path, text] of Object.entries(spec.files)) writeFileInRoot(root, path, text);
    const exitFile = `${this.#exitDir}/${id}`;
    const request = { args, env, cwd: root, logFile: consoleLog, pidFile, exitFile };
    const { pid, supervisorPid } = await spawnSupervised(request);
    const monitor = identifyProcess(supervisorPid);
    // A program that has already ended is told by its exit file.
    record.process = identifyProcess(pid) ?? { pid, startTicks: 0 };
    if (monitor) record.monitor = monitor;
    record.started = true;
    writeRecord(workDir, record);
    return this.#sandbox(record, workDir);
  }

  async find(id: string, workDir: string): Promise<RuntimeSandbox | undefined> {
    const record = readRecord(workDir);
    return record?.id === id && record.driver === this.name ? this.#sandbox(record, workDir) : undefined;
  }

  #sandbox(record: SandboxRecord, workDir: string): RuntimeSandbox {
    const { process, monitor } = record;
    const exited: Promise<ExitInfo> = process
      ? this.#exits.exited(record.id, process, monitor)
      : Promise.resolve({ exitCode: undefined });
    let destroying: Promise<void> | undefined;
    return {
      id: record.id,
      pid: process?.pid ?? 0,
      isAlive: () => process !== undefined && isRunning(process),
      exited,
      consoleTail: (maxBytes) => readFileTail(pathsOf(workDir).consoleLog, maxBytes),
      consoleFile: pathsOf(workDir).consoleLog,
      spareWhatRuns: () => undefined,
      usage: () => undefined,
      processes: () => firstProcess(process),
      wake: async () => wakeAll(firstProcess(process)),
      destroy: () => (destroying ??= this.#destroy(record, workDir, exited)),
    };
  }

  async #destroy(record: SandboxRecord, workDir: string, exited: Promise<ExitInfo>): Promise<void> {
    const { process, monitor } = record;
    if (process) signalProcess(process, "SIGKILL");
    await withTimeout("the end of a fake sandbox", endTimeoutMs, () => exited);
    // The supervisor of a start that was cut short is in no record, but names the exit file.
    const exitFile = `${this.#exitDir}/${record.id}`;
    for (const supervisor of monitor ? [monitor] : findProcesses(exitFile)) {
      signalGroup(supervisor, "SIGKILL");
      await waitForEnd(supervisor, endTimeoutMs);
    }
    const { root, pidFile } = pathsOf(workDir);
    for (const path of [root, pidFile, `${this.#exitDir}/${record.id}`])
      rmSync(path, { recursive: true, force: true });
    if (existsSync(dirname(pidFile))) removeRecord(workDir);
  }
}

function firstProcess(process: ProcessIdentity | undefined): SandboxProcess[] {
  const stat = process && readStat(process.pid);
  if (!stat || stat.startTicks !== process.startTicks) return [];
  return [{ pid: stat.pid, name: stat.name, state: stat.state }];
}

const wakeAll = (processes: SandboxProcess[]): string[] =>
  processes
    .filter(({ pid, state }) => state === "T" && continueProcess(pid))
    .map(({ pid, name }) => `sent SIGCONT to ${name} (pid ${pid})`);

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const startError = (detail: string): AppError =>
  new AppError({
    code: "internal",
    reason: "sandbox_runtime_failed",
    message: "the sandbox could not be started",
    detail,
  });
