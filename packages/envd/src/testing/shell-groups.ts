import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

const leaders: ChildProcess[] = [];

/** Starts a shell that leads a process group, waits until the group has said `lines` lines, and gives the shell's pid. */
export async function startShellGroup(shell: string, script: string, lines = 1): Promise<number> {
  const leader = spawn(shell, ["-c", script], { detached: true, stdio: ["ignore", "pipe", "inherit"] });
  leaders.push(leader);
  let said = 0;
  for await (const _ of createInterface(leader.stdout)) if (++said === lines) break;
  return leader.pid ?? Number.NaN;
}

/** Kills the groups that this file has started, and returns when their shells have ended. */
export async function endShellGroups(): Promise<void> {
  for (const leader of leaders.splice(0)) {
    const ended = once(leader, "exit");
    process.kill(-(leader.pid ?? Number.NaN), "SIGKILL");
    await ended;
  }
}
