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

export interface ProcessStat {
  pid: number;
  /** Name of the program, at most 15 bytes. */
  name: string;
  /** One letter: R runs, S and D wait, T is stopped, t is traced, Z has ended and was not reaped. */
  state: string;
  parent: number;
  startTicks: number;
}

/** Children of a process, by the kernel's own list. */
export function childrenOf(pid: number): ProcessStat[] {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT", "ESRCH")) return [];
    throw error;
  }
  const pids = text.split(" ").filter((word) => word !== "");
  return pids.map((child) => readStat(Number(child))).filter((stat) => stat !== undefined);
}

/** Sends SIGCONT; false when the process has ended. */
export function continueProcess(pid: number): boolean {
  const target = identifyProcess(pid);
  return target !== undefined && signalProcess(target, "SIGCONT");
}

const stateNames: Record<string, string> = {
  R: "running",
  S: "sleeping",
  D: "waiting for the kernel",
  I: "idle",
  T: "stopped",
  t: "traced",
  Z: "ended, not reaped",
  X: "dead",
};

/** `T (stopped)` */
export const stateText = (state: string): string => `${state} (${stateNames[state] ?? "unknown"})`;

/** Every process of the machine. */
export const listProcesses = (): ProcessStat[] =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => readStat(Number(pid)))
    .filter((stat) => stat !== undefined);

/** What the kernel says of a process; undefined when there is none. */
export function readStat(pid: number): ProcessStat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT", "ESRCH")) return undefined;
    throw error;
  }
  // The name, in brackets, may hold anything; the fields after it are numbers: 3 is the state, 22 the start time.
  const nameEnd = text.lastIndexOf(")");
  const fields = text.slice(nameEnd + 2).split(" ");
  return {
    pid,
    name: text.slice(text.indexOf("(") + 1, nameEnd),
    state: fields[0] ?? "",
    parent: Number(fields[1]),
    startTicks: Number(fields[19]),
  };
}
