import { mkdtempSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { poll } from "@sandbank/core/deadline";
import type { SuiteContext } from "../contract-suite.ts";

const limits = { cpuCount: 1, memoryMib: 256, pids: 60, diskMib: 64 };

export function limitsSuite({ bench }: SuiteContext): void {
  test("memory: going over ends the process that does, or the sandbox, and nothing else", async () => {
    const program = `
blocks = []
for i in range(2000):
    blocks.append(bytearray(b"x" * 1048576))
    print(i, flush=True)`;
    const { exitCode, output } = await bench().python(program, { limits });
    expect(exitCode).toBe(137);
    const reached = Number(output.trim().split("\n").at(-1));
    expect(reached).toBeGreaterThan(100);
    expect(reached).toBeLessThan(256);
  });

  test("memory: of many processes that each take some, those started last end, and the first goes on", async ({
    skip,
  }) => {
    if (bench().driver.isolation === "container") skip("inside, the first process sees to that itself");
    const program = `
import os, time
print("up", flush=True)
while not os.path.exists("/go/now"): time.sleep(0.05)
made = 0
for _ in range(40):
    made += 1
    if os.fork() == 0:
        hoard = bytearray(b"x" * (24 << 20)); time.sleep(5); os._exit(0)
killed = sum(os.waitstatus_to_exitcode(os.wait()[1]) != 0 for _ in range(made))
print("killed", killed, flush=True)`;
    const go = mkdtempSync(`${bench().directory}/go-`);
    const mounts = [{ source: go, target: "/go", readonly: false }];
    const spec = bench().spec(["/usr/bin/python3", "-c", program], {
      limits: { ...limits, memoryMib: 512 },
      mounts,
    });
    const sandbox = await bench().start(spec);
    expect(
      await poll(async () => (await sandbox.consoleTail(1000)).includes("up") || undefined, {
        timeoutMs: 10_000,
      }),
    ).toBe(true);
    sandbox.spareWhatRuns();
    await writeFile(`${go}/now`, "");
    const { exitCode } = await sandbox.exited;
    const output = await sandbox.consoleTail(1000);
    await bench().destroy(sandbox);
    expect(output).toMatch(/killed [1-9]/);
    expect(exitCode).toBe(0);
  });

  test("pids: a fork bomb stops at the limit", async () => {
    const program = `
import os, time
made = 0
try:
    for _ in range(1000):
        if os.fork() == 0:
            time.sleep(20); os._exit(0)
        made += 1
except BlockingIOError:
    pass
print(made, flush=True)`;
    const { output } = await bench().python(program, { limits: { ...limits, memoryMib: 1024 } });
    expect(Number(output)).toBeGreaterThan(40);
    expect(Number(output)).toBeLessThan(60);
  });

  test("pids: a user other than root, and threads, are limited too", async () => {
    const program = `
import os, threading, time
os.setgroups([]); os.setgid(1000); os.setuid(1000)
made = 0
try:
    for _ in range(1000):
        threading.Thread(target=time.sleep, args=(20,), daemon=True).start()
        made += 1
except RuntimeError:
    pass
print(made, flush=True)
os._exit(0)`;
    const { output } = await bench().python(program, { limits });
    expect(Number(output)).toBeGreaterThan(40);
    expect(Number(output)).toBeLessThanOrEqual(60);
  });

  test("disk: a full one says ENOSPC inside, and the host's stays free", async () => {
    const program = `
import errno
written = 0
try:
    with open("/big", "wb", buffering=0) as f:
        while written < 1 << 30:
            written += f.write(b"x" * 1048576)
except OSError as e:
    print(errno.errorcode[e.errno])
print(written >> 20)`;
    const { output } = await bench().python(program, { limits });
    const [code, mib] = output.trim().split("\n");
    expect(code).toBe("ENOSPC");
    expect(Number(mib)).toBeGreaterThan(40);
    expect(Number(mib)).toBeLessThanOrEqual(64);
  });

  test("cpu: two busy processes get one processor between them", async () => {
    const program = `
import os, time
for _ in range(3):
    if os.fork() == 0: break
end = time.monotonic() + 3
start = os.times()
while time.monotonic() < end: pass
t = os.times()
print(t.user + t.system - start.user - start.system, flush=True)
time.sleep(1.5)`;
    const { output } = await bench().python(program, { limits: { ...limits, cpuCount: 0.5 } });
    const used = output
      .trim()
      .split("\n")
      .reduce((sum, line) => sum + Number(line), 0);
    // Half a processor for three seconds, with some tolerance for how time is counted inside.
    expect(used).toBeLessThan(2.4);
  });

  test("shows its memory limit, not the host's memory, where the runtime can", async ({ skip }) => {
    if (bench().driver.isolation === "container") skip("a container sees the host's /proc/meminfo");
    const { output } = await bench().shell("grep MemTotal /proc/meminfo", { limits });
    expect(output).toMatch(/MemTotal:\s+262144 kB/);
  });
}
