import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { dirname } from "node:path";

export interface DetachedProcess {
  pid: number;
  isAlive(): boolean;
  /** What it has written to its output file so far. */
  output(): Promise<string>;
}

/** Starts a program in a session of its own, output to a file, so that it outlives this process and its terminal. */
export async function spawnDetached(
  file: string,
  args: string[],
  options: { outputFile: string },
): Promise<DetachedProcess> {
  await mkdir(dirname(options.outputFile), { recursive: true });
  const output = openSync(options.outputFile, "w", 0o600);
  try {
    const child = spawn(file, args, { detached: true, stdio: ["ignore", output, output], cwd: "/" });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    child.once("spawn", resolve);
    child.once("error", reject);
    await promise;
    child.unref();
    return {
      pid: child.pid ?? -1,
      isAlive: () => child.exitCode === null && child.signalCode === null,
      output: () => readFile(options.outputFile, "utf8"),
    };
  } finally {
    closeSync(output);
  }
}
