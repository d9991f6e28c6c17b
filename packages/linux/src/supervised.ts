import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { poll } from "@sandbank/core/deadline";
import { AppError } from "@sandbank/core/errors";
import { hasCode } from "./libc.ts";

export interface SupervisedRequest {
  /** Program, by absolute path, and its arguments. */
  args: string[];
  env: Record<string, string>;
  cwd: string;
  /** Gets what the program prints. */
  logFile: string;
  /** Gets the program's pid. */
  pidFile: string;
  /** Gets the exit code (128 + signal) as text, at once and whole, when the program has ended. */
  exitFile: string;
}

export interface SupervisedProcess {
  /** The shell that waits for the program; leads a session and a process group of its own. */
  supervisorPid: number;
  pid: number;
}

const script = `
log=$1 pid=$2 exit=$3
shift 3
"$@" >"$log" 2>&1 </dev/null &
echo $! >"$pid.new" && mv "$pid.new" "$pid"
wait $!
echo $? >"$exit.new" && mv "$exit.new" "$exit"`;

/** Starts a program that outlives this process, under a shell that writes down how it ends. */
export async function spawnSupervised(request: SupervisedRequest): Promise<SupervisedProcess> {
  const { args, env, cwd, logFile, pidFile, exitFile } = request;
  const shell = spawn("/bin/sh", ["-c", script, "supervisor", logFile, pidFile, exitFile, ...args], {
    cwd,
    env: { PATH: "/usr/bin:/bin", ...env },
    stdio: "ignore",
    detached: true,
  });
  await once(shell, "spawn");
  shell.unref();
  const pid = await poll(() => readPid(pidFile), { timeoutMs: 5000 });
  if (pid === undefined || shell.pid === undefined) {
    throw new AppError({
      code: "internal",
      message: "a program could not be started",
      detail: args.join(" "),
    });
  }
  return { supervisorPid: shell.pid, pid };
}

function readPid(path: string): number | undefined {
  try {
    return Number(readFileSync(path, "utf8"));
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}
