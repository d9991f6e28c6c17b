import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { hasCode } from "@sandbank/linux/libc";
import { identifyProcess, signalProcess } from "@sandbank/linux/process";
import type { NetworkIdentity } from "../addresses.ts";

export interface CycleOptions {
  identity: NetworkIdentity;
  /** Slots to take and return. */
  count: number;
  /** After so many of the cycles, at a random moment, a command (`ip`, `nft`) that works on a slot is killed; 0 to 1. */
  commandKillShare: number;
  /** The process that has the slots is killed after about so many cycles, and a new one goes on. */
  cyclesPerProcess: number;
}

export interface CycleCounts {
  cycles: number;
  /** How long each take took, ms. */
  takesMs: number[];
  /** Takes and returns that were told that they failed. */
  failures: number;
  killedCommands: number;
  killedProcesses: number;
  /** Processes that ended because a command of their start was killed. */
  failedStarts: number;
  /** Slots that later processes found of earlier ones. */
  reclaimed: number;
}

type Message = { takeMs: number } | { failure: string } | { reclaimed: number };

/** About as long as a cycle takes. */
const killWithinMs = 40;

/** More of them are no accident. */
const maxFailedStarts = 20;

/** Takes and returns slots with random kills of whatever takes part. */
export async function runSlotCycles(options: CycleOptions): Promise<CycleCounts> {
  const counts: CycleCounts = {
    cycles: 0,
    takesMs: [],
    failures: 0,
    killedCommands: 0,
    killedProcesses: 0,
    failedStarts: 0,
    reclaimed: 0,
  };
  while (counts.cycles < options.count) await runOneProcess(options, counts);
  return counts;
}

async function runOneProcess(options: CycleOptions, counts: CycleCounts): Promise<void> {
  const { identity, count, cyclesPerProcess } = options;
  const left = count - counts.cycles;
  const args = [identity.tag, identity.hostPrefix, String(left)];
  const child = fork(new URL("./slot-worker.ts", import.meta.url), args, {
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  const diesAt = counts.cycles + Math.ceil(cyclesPerProcess * (0.5 + Math.random()));
  child.on("message", (message: Message) => {
    if ("reclaimed" in message) counts.reclaimed += message.reclaimed;
    else if ("failure" in message) counts.failures++;
    else {
      counts.cycles++;
      counts.takesMs.push(message.takeMs);
      if (Math.random() < options.commandKillShare) {
        setTimeout(() => killOneCommand(child, counts), killWithinMs * Math.random());
      }
      if (counts.cycles >= diesAt && counts.cycles < count) child.kill("SIGKILL");
    }
  });
  const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
  if (signal === "SIGKILL") counts.killedProcesses++;
  else if (code !== 0 && ++counts.failedStarts > maxFailedStarts) {
    throw new Error(`processes that had the slots ended with ${code}`);
  }
}

function killOneCommand(child: ChildProcess, counts: CycleCounts): void {
  const commands = childrenOf(child.pid ?? -1);
  const pid = commands[Math.floor(Math.random() * commands.length)];
  const command = pid === undefined ? undefined : identifyProcess(pid);
  if (command && signalProcess(command, "SIGKILL")) counts.killedCommands++;
}

function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").split(" ").filter(Boolean).map(Number),
    );
  } catch (error) {
    if (hasCode(error, "ENOENT", "ESRCH")) return [];
    throw error;
  }
}
