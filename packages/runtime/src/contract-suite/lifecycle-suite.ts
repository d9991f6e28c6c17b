import { setTimeout as sleep } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import { AppError } from "@sandbank/core/errors";
import type { SuiteContext } from "../contract-suite.ts";

export function lifecycleSuite({ bench, subject }: SuiteContext): void {
  test("boots a probe sandbox", async () => {
    const result = await bench().driver.probe();
    expect(result).toMatchObject({ usable: true });
    expect(result.evidence).not.toBe("");
  });

  test.each([0, 3, 255])("gives exit code %i", async (code) => {
    expect(await bench().shell(`exit ${code}`)).toMatchObject({ exitCode: code });
  });

  test("gives 128 + signal when a signal ended the first process", async () => {
    const sandbox = await bench().start(bench().spec(["/bin/sleep", "60"]));
    process.kill(sandbox.pid, "SIGKILL");
    expect(await sandbox.exited).toEqual({ exitCode: 137 });
    await bench().destroy(sandbox);
  });

  test("notices an end within 100 ms", async () => {
    const noticedMs: number[] = [];
    for (let round = 0; round < 4; round++) {
      const sandbox = await bench().start(bench().spec(["/bin/sleep", "60"]));
      expect(sandbox.isAlive()).toBe(true);
      await sleep(200);
      const killedAt = performance.now();
      process.kill(sandbox.pid, "SIGKILL");
      await sandbox.exited;
      noticedMs.push(performance.now() - killedAt);
      expect(sandbox.isAlive()).toBe(false);
      await bench().destroy(sandbox);
    }
    // The least of them: the others tell how busy the machine is.
    expect(Math.min(...noticedMs)).toBeLessThan(100);
  });

  test("says that its first process was stopped, and lets it go on", async () => {
    const sandbox = await bench().start(bench().spec(["/bin/sleep", "60"]));
    const firstState = (): string | undefined => sandbox.processes()[0]?.state;
    process.kill(sandbox.pid, "SIGSTOP");
    await vi.waitFor(() => expect(firstState()).toBe("T"), 10_000);
    const [done] = await sandbox.wake();
    expect(done).toContain(`(pid ${sandbox.pid})`);
    await vi.waitFor(() => expect(firstState()).not.toBe("T"), 10_000);
    expect(sandbox.isAlive()).toBe(true);
    await bench().destroy(sandbox);
    expect(sandbox.processes()).toEqual([]);
  });

  test("keeps the newest console output, both streams, within a bound", async () => {
    const script = "i=0; while [ $i -lt 500 ]; do echo line-$i; i=$((i+1)); done; echo oops >&2; printf end";
    const sandbox = await bench().start(bench().spec(["/bin/sh", "-c", script]));
    await sandbox.exited;
    const tail = await sandbox.consoleTail(100);
    expect(Buffer.byteLength(tail)).toBeLessThanOrEqual(100);
    expect(tail).toContain("line-499\n");
    expect(tail).toContain("oops\n");
    // Between the two streams there is no order.
    expect(tail).toContain("end");
    expect(await sandbox.consoleTail(1_000_000)).toContain("line-0\n");
    await bench().destroy(sandbox);
  });

  test.skipIf(!subject.confines)("a flood of output fills neither the log nor the pipe", async () => {
    const { exitCode, output } = await bench().shell("yes 0123456789 | head -c 20000000; echo done");
    expect(exitCode).toBe(0);
    expect(output).toContain("done");
  });

  test("destroys a running sandbox, twice, and at the same time", async () => {
    const sandbox = await bench().start(bench().spec(["/bin/sleep", "60"]));
    await Promise.all([sandbox.destroy(), sandbox.destroy()]);
    expect(sandbox.isAlive()).toBe(false);
    expect(await sandbox.exited).toEqual({ exitCode: 137 });
    await bench().destroy(sandbox);
  });

  test("finds nothing after destroy, nor what never was", async () => {
    const spec = bench().spec(["/bin/sleep", "60"]);
    const sandbox = await bench().start(spec);
    await bench().destroy(sandbox);
    expect(await bench().driver.find(spec.id, spec.workDir)).toBeUndefined();
    expect(await bench().driver.find("i00000000000000000000", spec.workDir)).toBeUndefined();
  });

  test("names what failed when the program does not exist, and leaves nothing", async () => {
    const spec = bench().spec(["/no/such/program"]);
    const error = await bench()
      .start(spec)
      .then(
        () => undefined,
        (reason: unknown) => reason,
      );
    expect(error).toBeInstanceOf(AppError);
    expect(error).toMatchObject({ reason: "sandbox_runtime_failed" });
    expect(await bench().driver.find(spec.id, spec.workDir)).toBeUndefined();
  });

  test.skipIf(!subject.confines)("fails with sandbox_disk_failed when a layer is missing", async () => {
    const spec = bench().spec(["/bin/true"], { layers: ["/no/such/layer"] });
    await expect(bench().start(spec)).rejects.toMatchObject({ reason: "sandbox_disk_failed" });
  });

  test("runs several at once", async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 5 }, (_, index) =>
        bench().shell(`sleep 0.5; echo number ${index}; exit ${index}`),
      ),
    );
    for (const [index, outcome] of outcomes.entries()) {
      expect(outcome).toEqual({ exitCode: index, output: `number ${index}\n` });
    }
  });

  test.skipIf(!subject.confines)("no signal is ignored or blocked inside", async ({ skip }) => {
    if (bench().driver.isolation === "gvisor") skip("its /proc does not say");
    const { output } = await bench().shell("grep -E '^Sig(Blk|Ign):' /proc/self/status");
    expect(output).toBe("SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
  });

  test("passes the environment on, and nothing else", async () => {
    const { output } = await bench().shell("env", { env: { PATH: "/usr/bin:/bin", GREETING: "hä llo" } });
    const names = output
      .trim()
      .split("\n")
      .map((line) => line.split("=")[0]);
    expect(output).toContain("GREETING=hä llo\n");
    const expected = ["GREETING", "PATH", "PWD", "HOME", "SHLVL", "_", "OLDPWD"];
    expect(names.filter((name) => !expected.includes(name ?? ""))).toEqual([]);
  });
}
