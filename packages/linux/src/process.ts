import { readFileSync, readdirSync } from "node:fs";
import { poll } from "@sandbank/core/deadline";
import { hasCode } from "./libc.ts";

/** A process that is told apart from a later one with the same pid. */
export interface ProcessIdentity {
  pid: number;
  /** When it started, in clock ticks since boot. */
  startTicks: number;
}

/** Identity of the process that has `pid` now; undefined when there is none. */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  const startTicks = readStat(pid)?.startTicks;
  return startTicks === undefined ? undefined : { pid, startTicks };
}

/** Whether that very process still runs; one that has ended and only waits to be reaped does not. */
export function isRunning(process: ProcessIdentity): boolean {
  const stat = readStat(process.pid);
  return stat !== undefined && stat.startTicks === process.startTicks && !"ZXx".includes(stat.state);
}

/** Sends a signal; false when the process had already ended. */
export function signalProcess(target: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!isRunning(target)) return false;
  try {
    return process.kill(target.pid, signal);
  } catch (error) {
    if (hasCode(error, "ESRCH")) return false;
    throw error;
  }
}

/** Sends a signal to all of the process group that `leader` leads; false when it has ended. */
export function signalGroup(leader: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!isRunning(leader)) return false;
  try {
    return process.kill(-leader.pid, signal);
  } catch (error) {
    if (hasCode(error, "ESRCH")) return false;
    throw error;
  }
}

/** Waits for the end of a process that need not be a child. Returns false when it still runs after `timeoutMs`. */
export async function waitForEnd(target: ProcessIdentity, timeoutMs: number): Promise<boolean> {
  return (await poll(() => (isRunning(target) ? undefined : true), { timeoutMs })) ?? false;
}

/** Processes whose command line contains `text`. Reads all of /proc: not for what happens often. */
export function findProcesses(text: string): ProcessIdentity[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids
    .filter((pid) => commandLine(Number(pid)).includes(text))
    .map((pid) => identifyProcess(Number(pid)))
    .filter((found) => found !== undefined);
}

/** Arguments of a process, each with a NUL after it; "" when it has ended. */
export function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT", "ESRCH")) return "";
    throw error;
  }
}

/** The parent's pid; undefined when the process has ended. */
export const parentOf = (pid: number): number | undefined => readStat(pid)?.parent;

interface ProcessStat {
  state: string;
  parent: number;
  startTicks: number;
}

function readStat(pid: number): ProcessStat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT", "ESRCH")) return undefined;
    throw error;
  }
  // The name, in brackets, may hold anything; the fields after it are numbers: 3 is the state, 4 the parent, 22 the start time.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { state: fields[0] ?? "", parent: Number(fields[1]), startTicks: Number(fields[19]) };
}
