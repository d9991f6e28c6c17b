import { chmodSync, chownSync, existsSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { poll, withTimeout } from "@sandbank/core/deadline";
import { AppError, errorText } from "@sandbank/core/errors";
import { cgroupChildren, removeCgroup } from "@sandbank/linux/cgroup";
import { runUnchecked } from "@sandbank/linux/command";
import { hasCode } from "@sandbank/linux/libc";
import { mountPointsUnder } from "@sandbank/linux/mount";
import {
  commandLine,
  findProcesses,
  identifyProcess,
  signalProcess,
  waitForEnd,
  type ProcessIdentity,
} from "@sandbank/linux/process";
import type { ExitWatch } from "../exit-watch.ts";
import { removeRecord, type SandboxRecord } from "../record.ts";
import { removeRootfs } from "../rootfs.ts";
import { bundlePaths, type StatePaths } from "./paths.ts";

/** SIGKILL works at once unless the machine is in trouble. */
const killTimeoutMs = 10_000;
/** A monitor ends by itself after its sandbox. */
const monitorTimeoutMs = 5000;
/** As long as the driver itself gives a create. */
const createTimeoutMs = 20_000;
const deleteTimeoutMs = 20_000;
/** From the call that starts a monitor to when it can be seen as what it is: under 1 ms on an idle machine. */
const spawnWindowMs = 50;

export interface Teardown {
  record: SandboxRecord;
  workDir: string;
  paths: StatePaths;
  runtimeArgs: string[];
  exits: ExitWatch;
  cgroupPath: string;
  release: (record: SandboxRecord) => void;
}

/**
 * Ends a sandbox and takes down whatever of it exists, from any state. Every step is tried even when one before it failed.
 * Rejects with AppError `internal` that names the steps that failed; a repeat picks up what is left.
 */
export async function destroySandbox(teardown: Teardown): Promise<void> {
  const { record, workDir, paths } = teardown;
  const failures: string[] = [];
  const step = async (name: string, work: () => Promise<void> | void): Promise<void> => {
    try {
      await work();
    } catch (error) {
      failures.push(`${name}: ${errorText(error)}`);
    }
  };
  await step("end the process", () => endProcess(teardown));
  await step("remove control groups below its own", () => removeInnerGroups(teardown));
  await step("delete the container", () => deleteContainer(teardown));
  await step("end the monitor", () => endMonitor(record, workDir));
  await step("remove the control group", () => removeCgroup(teardown.cgroupPath, killTimeoutMs));
  await step("take the file system down", () => removeRootfs(workDir));
  await step("remove files", () => removeFiles(record.id, workDir, paths));
  await step("give ids back", () => teardown.release(record));
  if (failures.length === 0) {
    removeRecord(workDir);
    return;
  }
  throw new AppError({
    code: "internal",
    message: "the sandbox could not be removed completely",
    detail: failures.join("; "),
  });
}

function removeFiles(id: string, workDir: string, paths: StatePaths): void {
  // Nothing may be removed through a mount that is still there.
  if (mountPointsUnder(workDir).length > 0) throw new Error("something is still mounted");
  const { bundle, pidFile, monitorPidFile, sysfs, guestMounts } = bundlePaths(workDir);
  for (const path of [bundle, pidFile, monitorPidFile, sysfs, guestMounts]) {
    rmSync(path, { recursive: true, force: true });
  }
  rmSync(`${paths.socketDir}/${id}`, { recursive: true, force: true });
  rmSync(`${paths.exitDir}/${id}`, { force: true });
  if (existsSync(workDir)) {
    chownSync(workDir, 0, 0);
    chmodSync(workDir, 0o700);
  }
}

/** The monitor's process, found by the pid it has written down; undefined when it is not running. */
export function monitorOf(record: SandboxRecord, workDir: string): ProcessIdentity | undefined {
  const pid = readPid(bundlePaths(workDir).monitorPidFile);
  const process = pid === undefined ? undefined : identifyProcess(pid);
  // The pid may since belong to someone else.
  return process && commandLine(process.pid).includes(record.id) ? process : undefined;
}

async function endProcess({ record, exits }: Teardown): Promise<void> {
  const { process, monitor } = record;
  if (!process) return;
  signalProcess(process, "SIGKILL");
  if (!(await waitForEnd(process, killTimeoutMs))) throw new Error(`pid ${process.pid} outlives SIGKILL`);
  // Whoever waits for the exit code gets it before its file is removed.
  await withTimeout("the exit code", monitorTimeoutMs, () => exits.exited(record.id, process, monitor));
}

/** The runtime waits long for a group to become empty, and then gives up. */
async function removeInnerGroups({ cgroupPath }: Teardown): Promise<void> {
  for (const name of cgroupChildren(cgroupPath)) await removeCgroup(`${cgroupPath}/${name}`, killTimeoutMs);
}

/** The runtime's own state; asking it is skipped when it has none, because that costs a process. */
async function deleteContainer({ record, paths, runtimeArgs, workDir }: Teardown): Promise<void> {
  if (!record.process) await waitForCreate(record.id, workDir);
  if (!readdirSync(paths.runtimeRoot).some((name) => name.includes(record.id))) return;
  const args = [...runtimeArgs, "delete", "--force", record.id];
  const result = await runUnchecked(record.runtimePath, args, { timeoutMs: deleteTimeoutMs });
  if (result.exitCode !== 0) throw new Error(result.stderr.trim().slice(-500));
}

/**
 * The maker of this sandbox was killed on the way; a monitor that it had started, perhaps just now, goes on with the
 * create all the same. Returns when there is none, or when the runtime has made what can then be deleted.
 */
async function waitForCreate(id: string, workDir: string): Promise<void> {
  const { pidFile } = bundlePaths(workDir);
  await sleep(spawnWindowMs);
  await poll(() => existsSync(pidFile) || monitorsOf(id).length === 0 || undefined, {
    timeoutMs: createTimeoutMs,
    intervalMs: 10,
  });
}

async function endMonitor(record: SandboxRecord, workDir: string): Promise<void> {
  const known = record.monitor ?? monitorOf(record, workDir);
  for (const monitor of known ? [known] : record.process ? [] : monitorsOf(record.id)) {
    if (await waitForEnd(monitor, monitorTimeoutMs)) continue;
    signalProcess(monitor, "SIGKILL");
    if (!(await waitForEnd(monitor, killTimeoutMs))) throw new Error(`pid ${monitor.pid} outlives SIGKILL`);
  }
}

/** Monitors of a sandbox, from the process that was started to the daemon that it leaves behind. */
const monitorsOf = (id: string): ProcessIdentity[] => findProcesses(`--cid=${id}`);

function readPid(path: string): number | undefined {
  const pid = Number(readIfThere(path).trim());
  return pid > 0 ? pid : undefined;
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT", "ESRCH")) return "";
    throw error;
  }
}
