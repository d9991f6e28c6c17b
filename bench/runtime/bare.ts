import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";

/** How a runtime is used without any driver of ours. */
export interface BareRuntime {
  program: string;
  args: string[];
  /** `config.json` for a sandbox that sleeps. */
  config: unknown;
}

/**
 * `create` and `start` of one sandbox by hand, on a directory that is already there, then `delete`.
 * Gives how long the two took, in milliseconds.
 */
export async function timeBareStart(runtime: BareRuntime, directory: string, id: string): Promise<number> {
  mkdirSync(directory, { recursive: true });
  writeFileSync(`${directory}/config.json`, JSON.stringify(runtime.config));
  const args = [`--root=${directory}/state`, ...runtime.args];
  const begun = performance.now();
  await call(runtime.program, [...args, "create", "--bundle", directory, id]);
  await call(runtime.program, [...args, "start", id]);
  const tookMs = performance.now() - begun;
  await call(runtime.program, [...args, "delete", "--force", id]);
  rmSync(`${directory}/config.json`);
  return tookMs;
}

async function call(program: string, args: string[]): Promise<void> {
  // The sandbox inherits these: a pipe would be open for as long as it runs.
  const child = spawn(program, args, { stdio: "ignore" });
  const [code] = (await once(child, "exit")) as [number | null];
  if (code !== 0) throw new Error(`${program} ${args.join(" ")}: exit code ${code}`);
}
