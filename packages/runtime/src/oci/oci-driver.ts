import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { AppError, errorText, toAppError } from "@sandbank/core/errors";
import { KeyedLock } from "@sandbank/core/keyed-lock";
import type { Logger } from "@sandbank/core/logger";
import { runUnchecked } from "@sandbank/linux/command";
import { createUnderMonitor } from "@sandbank/linux/conmon";
import { identifyProcess } from "@sandbank/linux/process";
import type {
  DriverCapabilities,
  Isolation,
  ProbeResult,
  RuntimeDriver,
  RuntimeSandbox,
  SandboxSpec,
} from "../contract.ts";
import { emptyDiskImage } from "../disk-image.ts";
import { ExitWatch } from "../exit-watch.ts";
import { readRecord, writeRecord, type SandboxRecord } from "../record.ts";
import { assembleRootfs, rootfsPaths, type RootfsRequest } from "../rootfs.ts";
import { cgroupPath } from "./common-config.ts";
import type { OciConfig } from "./config.ts";
import { OciSandbox } from "./oci-sandbox.ts";
import { bundlePaths, statePaths, type StatePaths } from "./paths.ts";
import { destroySandbox, monitorOf, type Teardown } from "./teardown.ts";

const createTimeoutMs = 20_000;
const startTimeoutMs = 20_000;
const consoleLogMaxBytes = 1024 * 1024;

export interface OciDriverOptions {
  /** Owned by the drivers; for what must not outlive a reboot, e.g. below /run. */
  stateDir: string;
  /** For what is worth keeping, e.g. formatted empty disks. */
  cacheDir: string;
  /** Control group that all sandboxes share, e.g. `/sandbank-sb`. */
  cgroupParent: string;
  conmonPath: string;
  logger: Logger;
}

/** How one sandbox's root is to be mounted, and its runtime configured. */
export interface OciPlan {
  idmap: RootfsRequest["idmap"];
  directories: Record<string, number>;
  /** Called with the root mounted; may add mounts below `workDir`, which are taken down with the rest. */
  config: (rootfs: string) => OciConfig;
}

/** What tells one OCI runtime from another. */
export interface OciFlavor {
  name: string;
  isolation: Isolation;
  capabilities: DriverCapabilities;
  /** Absolute path of the program to start sandboxes with. */
  runtimePath: () => string;
  /** Options before the command, without `--root`. */
  runtimeArgs: string[];
  probe: (driver: RuntimeDriver) => Promise<ProbeResult>;
  /** Takes what the sandbox needs and, before it first waits, notes it in `record`, which is written down then. */
  plan: (spec: SandboxSpec, record: SandboxRecord) => Promise<OciPlan>;
  /** Lets a created container run without the runtime's `start`; gives false when it can't. */
  quickStart?: (containerStateDir: string, timeoutMs: number) => Promise<boolean>;
  /** RuntimeSandbox.spareWhatRuns, as far as the processes inside can't do it themselves. */
  spareWhatRuns?: (firstPid: number, cgroup: string) => void;
  /** Continues the guest daemon where the host does not see it; gives what was done. Absent: the host sees everything. */
  wakeGuest?: (id: string, runtimeArgs: string[]) => Promise<string[]>;
  /** Mount points that the runtime keeps in its root directory, by name. */
  sharedMounts?: string[];
  /** Gives back what `plan` took. Idempotent. */
  release: (record: SandboxRecord) => void;
}

/** A driver for anything that speaks the OCI runtime command line, monitored by conmon. */
export class OciDriver implements RuntimeDriver {
  readonly name: string;
  readonly isolation: Isolation;
  readonly capabilities: DriverCapabilities;
  readonly sharedMounts: readonly string[];
  readonly #flavor: OciFlavor;
  readonly #options: OciDriverOptions;
  readonly #paths: StatePaths;
  readonly #exits: ExitWatch;
  readonly #lock = new KeyedLock();

  constructor(flavor: OciFlavor, options: OciDriverOptions) {
    this.name = flavor.name;
    this.isolation = flavor.isolation;
    this.capabilities = flavor.capabilities;
    this.#flavor = flavor;
    this.#options = options;
    this.#paths = statePaths(options.stateDir, flavor.name);
    this.sharedMounts = (flavor.sharedMounts ?? []).map((name) => `${this.#paths.runtimeRoot}/${name}`);
    for (const path of [options.stateDir, options.cacheDir]) mkdirSync(path, { recursive: true });
    chmodSync(options.stateDir, 0o711);
    for (const path of Object.values(this.#paths)) mkdirSync(path, { recursive: true, mode: 0o700 });
    this.#exits = new ExitWatch(this.#paths.exitDir);
  }

  probe(): Promise<ProbeResult> {
    return this.#flavor.probe(this);
  }

  async start(spec: SandboxSpec): Promise<RuntimeSandbox> {
    const record: SandboxRecord = {
      id: spec.id,
      driver: this.name,
      runtimePath: this.#flavor.runtimePath(),
    };
    try {
      await this.#prepare(spec, record);
      await this.#launch(spec, record);
      return this.#sandbox(record, spec.workDir);
    } catch (error) {
      const sandbox = this.#sandbox(record, spec.workDir);
      const tail = await sandbox.consoleTail(2000);
      await this.#destroyAfterFailure(record, spec.workDir);
      throw startFailure(error, tail);
    }
  }

  async find(id: string, workDir: string): Promise<RuntimeSandbox | undefined> {
    const record = readRecord(workDir);
    if (record?.id !== id || record.driver !== this.name) return undefined;
    return this.#sandbox(record, workDir);
  }

  async #prepare(spec: SandboxSpec, record: SandboxRecord): Promise<void> {
    const { workDir, layers, files } = spec;
    const planning = this.#flavor.plan(spec, record);
    // From here on a later process knows what to give back.
    writeRecord(workDir, record);
    const [plan, emptyImage] = await Promise.all([
      planning,
      emptyDiskImage(this.#options.cacheDir, spec.limits.diskMib),
    ]);
    const { idmap, directories } = plan;
    assembleRootfs({ workDir, layers, files, emptyImage, idmap, directories });
    const bundle = bundlePaths(workDir);
    mkdirSync(bundle.bundle, { mode: 0o700 });
    writeFileSync(bundle.config, JSON.stringify(plan.config(rootfsPaths(workDir).rootfs)), { mode: 0o600 });
  }

  async #launch(spec: SandboxSpec, record: SandboxRecord): Promise<void> {
    const bundle = bundlePaths(spec.workDir);
    const pid = await createUnderMonitor({
      conmonPath: this.#options.conmonPath,
      runtimePath: record.runtimePath,
      runtimeArgs: this.#runtimeArgs(),
      containerId: spec.id,
      bundleDir: bundle.bundle,
      pidFile: bundle.pidFile,
      monitorPidFile: bundle.monitorPidFile,
      consoleLog: bundle.consoleLog,
      consoleLogMaxBytes,
      exitDir: this.#paths.exitDir,
      socketDir: this.#paths.socketDir,
      timeoutMs: createTimeoutMs,
    });
    noteProcesses(record, spec.workDir, pid);
    writeRecord(spec.workDir, record);
    await this.#letRun(spec.id, record.runtimePath);
    record.started = true;
    writeRecord(spec.workDir, record);
  }

  async #letRun(id: string, runtimePath: string): Promise<void> {
    if (await this.#flavor.quickStart?.(`${this.#paths.runtimeRoot}/${id}`, startTimeoutMs)) return;
    const args = [...this.#runtimeArgs(), "start", id];
    const result = await runUnchecked(runtimePath, args, { timeoutMs: startTimeoutMs });
    if (result.exitCode !== 0) throw runtimeError("the runtime could not start the sandbox", result.stderr);
  }

  #runtimeArgs(): string[] {
    return [`--root=${this.#paths.runtimeRoot}`, ...this.#flavor.runtimeArgs];
  }

  #sandbox(record: SandboxRecord, workDir: string): OciSandbox {
    const teardown = this.#teardown(record, workDir);
    const { wakeGuest } = this.#flavor;
    return new OciSandbox(record, {
      consoleLog: bundlePaths(workDir).consoleLog,
      cgroup: teardown.cgroupPath,
      disk: rootfsPaths(workDir).disk,
      exits: this.#exits,
      spareWhatRuns: () => {
        if (record.process) this.#flavor.spareWhatRuns?.(record.process.pid, teardown.cgroupPath);
      },
      wakeGuest: wakeGuest && (() => wakeGuest(record.id, this.#runtimeArgs())),
      destroy: () => this.#lock.run(record.id, () => destroySandbox(teardown)),
    });
  }

  #teardown(record: SandboxRecord, workDir: string): Teardown {
    return {
      record,
      workDir,
      paths: this.#paths,
      runtimeArgs: this.#runtimeArgs(),
      exits: this.#exits,
      cgroupPath: cgroupPath(this.#options.cgroupParent, record.id),
      release: this.#flavor.release,
    };
  }

  async #destroyAfterFailure(record: SandboxRecord, workDir: string): Promise<void> {
    try {
      await this.#lock.run(record.id, () => destroySandbox(this.#teardown(record, workDir)));
    } catch (error) {
      this.#options.logger.error(
        { sandbox: record.id, error: errorText(error) },
        "sandbox that failed to start left something behind",
      );
    }
  }
}

function noteProcesses(record: SandboxRecord, workDir: string, pid: number): void {
  const process = identifyProcess(pid);
  if (!process) throw runtimeError("the sandbox ended while it was created", "");
  record.process = process;
  const monitor = monitorOf(record, workDir);
  if (monitor) record.monitor = monitor;
}

/** The error of a failed start, with the end of the console for those who look into it. */
function startFailure(error: unknown, consoleTail: string): AppError {
  const known = toAppError(error, "the sandbox could not be started");
  return new AppError({
    code: known.code,
    reason: known.reason ?? "sandbox_runtime_failed",
    message: known.message,
    detail: consoleTail === "" ? undefined : `console: ${consoleTail}`,
    cause: error,
  });
}

function runtimeError(message: string, output: string): AppError {
  return new AppError({
    code: "internal",
    reason: "sandbox_runtime_failed",
    message,
    detail: output.trim().slice(-2000),
  });
}
