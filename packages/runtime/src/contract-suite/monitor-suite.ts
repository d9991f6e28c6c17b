import { readFileSync, rmSync } from "node:fs";
import { expect, test } from "vitest";
import { mountPointsUnder, unmount } from "@sandbank/linux/mount";
import type { SuiteContext } from "../contract-suite.ts";
import { countHost } from "../testing/leftovers.ts";

/** What happens when parts of a sandbox are gone: its monitor is killed, or a destroy was cut short. */
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

  const halfWay: [string, (workDir: string, pid: number) => void][] = [
    ["its process is gone", (_, pid) => process.kill(pid, "SIGKILL")],
    ["its root is unmounted", (workDir) => unmount(`${workDir}/rootfs`)],
    ["its disk is unmounted too", (workDir) => mountPointsUnder(workDir).forEach(unmount)],
    ["its bundle is gone", (workDir) => rmSync(`${workDir}/bundle`, { recursive: true })],
    [
      "its pid files are gone",
      (workDir) => ["monitor.pid", "container.pid"].forEach((name) => rmSync(`${workDir}/${name}`)),
    ],
  ];
  test.each(halfWay)("destroy goes on where %s", async (_, breakIt) => {
    const spec = bench().spec(["/bin/sleep", "60"]);
    const started = await bench().start(spec);
    breakIt(spec.workDir, started.pid);
    const sandbox = await subject.makeDriver(bench().stateDir).find(spec.id, spec.workDir);
    await sandbox?.destroy();
    const left = countHost(bench().directory, [spec.id], [], spec.workDir);
    expect(left).toMatchObject({ processes: 0, mounts: 0, loopDevices: 0, cgroups: 0 });
    expect(left.files).toEqual([]);
    await bench().destroy(started);
  });
}
