import { type ChildProcess, spawn } from "node:child_process";
import { AppError } from "@sandbank/core/errors";

export interface CommandOptions {
  /** Text for standard input; closed at once when absent. */
  stdin?: string | undefined;
  cwd?: string | undefined;
  /** Replaces the environment; a minimal one (PATH, LANG) when absent, so that nothing leaks in. */
  env?: Record<string, string> | undefined;
  /** 30 s unless told. The command is killed with SIGKILL when it is over. */
  timeoutMs?: number | undefined;
  signal?: AbortSignal | undefined;
  /** Called with each piece of output as it comes, for progress. */
  onOutput?: ((text: string) => void) | undefined;
}

export interface CommandResult {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** Where Debian and Ubuntu keep the programs of an administrator. */
export const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const running = new Set<ChildProcess>();

/** Asks every program that runs now to end, for when the user interrupts the work that they are part of. */
export function interruptCommands(): void {
  for (const child of running) child.kill("SIGTERM");
}

/** Runs a program to its end. Rejects only when it can't be started or takes too long; a bad exit code is a result. */
export async function runUnchecked(
  file: string,
  args: string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const timeoutMs = options.timeoutMs ?? 30_000;
  const child = spawn(file, args, {
    cwd: options.cwd,
    env: options.env ?? { PATH: systemPath, LANG: "C.UTF-8" },
    stdio: ["pipe", "pipe", "pipe"],
    signal: options.signal,
  });
  running.add(child);
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      output[name] += text;
      options.onOutput?.(text);
    });
  }
  // A program may end without reading its input; its exit code tells the story then.
  child.stdin.on("error", () => undefined);
  child.stdin.end(options.stdin ?? "");
  const { promise, resolve, reject } = Promise.withResolvers<CommandResult>();
  const timer = setTimeout(() => {
    child.kill("SIGKILL");
    reject(commandError(file, args, `took longer than ${timeoutMs} ms`, "deadline_exceeded"));
  }, timeoutMs);
  child.on("error", (error) => {
    reject(commandError(file, args, error.message, "internal", error));
  });
  child.on("close", (code, signal) => {
    resolve({ exitCode: code ?? (signal ? 128 : -1), ...output });
  });
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    running.delete(child);
  }
}

/** Runs a program and rejects with AppError (output in `detail`) unless it exits with 0. Gives its standard output. */
export async function run(file: string, args: string[], options: CommandOptions = {}): Promise<string> {
  const result = await runUnchecked(file, args, options);
  if (result.exitCode === 0) return result.stdout;
  const said = (result.stderr || result.stdout).trim().slice(-2000);
  throw commandError(file, args, `exit code ${result.exitCode}: ${said}`, "internal");
}

function commandError(
  file: string,
  args: string[],
  what: string,
  code: "internal" | "deadline_exceeded",
  cause?: unknown,
): AppError {
  const line = [file, ...args].join(" ").slice(0, 500);
  return new AppError({ code, message: `${file} failed`, detail: `${line}: ${what}`, cause });
}

/** Runs a program whose output goes straight to this process's own. Gives its exit code. */
export async function runVisible(
  file: string,
  args: string[],
  options: Pick<CommandOptions, "cwd" | "env"> & { timeoutMs: number },
): Promise<number> {
  const child = spawn(file, args, {
    cwd: options.cwd,
    env: options.env,
    stdio: ["ignore", "inherit", "inherit"],
    timeout: options.timeoutMs,
    killSignal: "SIGKILL",
  });
  running.add(child);
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  child.on("error", reject);
  child.on("close", (code) => resolve(code ?? 128));
  try {
    return await promise;
  } finally {
    running.delete(child);
  }
}
