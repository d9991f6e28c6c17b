import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { SuiteContext } from "../contract-suite.ts";

/** What happens when the monitor of a sandbox is killed, which then writes no exit code. */
export function monitorSuite({ bench, subject }: SuiteContext): void {
  const monitorOf = (workDir: string): number => Number(readFileSync(`${workDir}/monitor.pid`, "utf8"));

  test("a sandbox outlives its monitor, and its end is noticed without one", async () => {
    const spec = bench().spec(["/bin/sleep", "60"]);
    const sandbox = await bench().start(spec);
    process.kill(monitorOf(spec.workDir), "SIGKILL");
    expect(sandbox.isAlive()).toBe(true);
    process.kill(sandbox.pid, "SIGKILL");
    expect(await sandbox.exited).toEqual({ exitCode: undefined });
    await bench().destroy(sandbox);
  });

  test("a sandbox without monitor is found and can be destroyed", async () => {
    const spec = bench().spec(["/bin/sleep", "60"]);
    await bench().start(spec);
    process.kill(monitorOf(spec.workDir), "SIGKILL");
    const sandbox = await subject.makeDriver(bench().stateDir).find(spec.id, spec.workDir);
    expect(sandbox?.isAlive()).toBe(true);
    await sandbox?.destroy();
    expect(sandbox?.isAlive()).toBe(false);
    expect(await bench().driver.find(spec.id, spec.workDir)).toBeUndefined();
  });
}
