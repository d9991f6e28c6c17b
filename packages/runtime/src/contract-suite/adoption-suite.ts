import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { poll } from "@sandbank/core/deadline";
import { findProcesses } from "@sandbank/linux/process";
import type { RuntimeSandbox, SandboxSpec } from "../contract.ts";
import type { SuiteContext } from "../contract-suite.ts";
import { countHost } from "../testing/leftovers.ts";

const starterPath = new URL("../testing/starter.ts", import.meta.url).pathname;

export function adoptionSuite({ bench, subject }: SuiteContext): void {
  /** Has another process start the sandbox, and kills that process `afterMs` after it has said `word`. */
  async function startAndKill(spec: SandboxSpec, word = "started", afterMs = 0): Promise<void> {
    const args = [starterPath, subject.modulePath, bench().stateDir, JSON.stringify(spec)];
    const starter = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "ignore"] });
    const ended = once(starter, "close");
    let said = "";
    starter.stdout.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    await poll(() => said.includes(`${word}\n`) || undefined, { timeoutMs: 20_000 });
    await sleep(afterMs);
    starter.kill("SIGKILL");
    await ended;
  }

  /** Takes the sandbox over as a service that knows nothing but its id and directory. */
  async function takeOver(spec: SandboxSpec): Promise<RuntimeSandbox> {
    const sandbox = await subject.makeDriver(bench().stateDir).find(spec.id, spec.workDir);
    if (!sandbox) throw new Error("the sandbox was not found");
    bench().adopt(sandbox);
    return sandbox;
  }

  test("survives SIGKILL of its starter; the exit code is known after the take-over", async () => {
    const go = mkdtempSync(`${bench().directory}/go-`);
    // A stand-in's processes see the host's directories.
    const inside = subject.confines ? "/go" : go;
    const script = `echo begun; until [ -e ${inside}/on ]; do sleep 0.05; done; echo still here; exit 21`;
    const mounts = [{ source: go, target: "/go", readonly: false }];
    const spec = bench().spec(["/bin/sh", "-c", script], { mounts });
    await startAndKill(spec);
    const sandbox = await takeOver(spec);
    expect(sandbox.id).toBe(spec.id);
    expect(sandbox.isAlive()).toBe(true);
    writeFileSync(`${go}/on`, "");
    expect(await sandbox.exited).toEqual({ exitCode: 21 });
    expect(await sandbox.consoleTail(1000)).toBe("begun\nstill here\n");
    await bench().destroy(sandbox);
  });

  test("the exit code is known when it ended while nobody was there", async () => {
    const spec = bench().spec(["/bin/sh", "-c", "sleep 0.3; exit 22"]);
    await startAndKill(spec);
    await sleep(1500);
    // On a busy machine it takes longer until the monitor, too, has ended.
    const isOver = () => findProcesses(spec.workDir).length === 0 || undefined;
    await poll(isOver, { timeoutMs: 20_000, intervalMs: 50 });
    const sandbox = await takeOver(spec);
    expect(sandbox.isAlive()).toBe(false);
    expect(await sandbox.exited).toEqual({ exitCode: 22 });
    await bench().destroy(sandbox);
  });

  test("can be destroyed by another process than its starter", async () => {
    const spec = bench().spec(["/bin/sleep", "60"]);
    await startAndKill(spec);
    const sandbox = await takeOver(spec);
    await bench().destroy(sandbox);
    expect(sandbox.isAlive()).toBe(false);
    expect(await bench().driver.find(spec.id, spec.workDir)).toBeUndefined();
  });

  test.each([0, 4, 8, 15, 30, 45, 60, 90])(
    "what was cut short after %i ms is found, or nothing is left",
    async (ms) => {
      const spec = bench().spec(["/bin/sleep", "60"]);
      await startAndKill(spec, "starting", ms);
      const sandbox = await subject.makeDriver(bench().stateDir).find(spec.id, spec.workDir);
      await sandbox?.destroy();
      expect(sandbox?.isAlive() ?? false).toBe(false);
      expect(countHost(bench().directory, [spec.id], [], spec.workDir)).toMatchObject({
        processes: 0,
        mounts: 0,
        loopDevices: 0,
        cgroups: 0,
      });
    },
  );
}
