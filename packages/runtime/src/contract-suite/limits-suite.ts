import { chmodSync, mkdtempSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { constants, getPriority } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { poll } from "@sandbank/core/deadline";
import { cgroupProcesses, cgroupVersion } from "@sandbank/linux/cgroup";
import type { SuiteContext } from "../contract-suite.ts";
import { benchCgroup } from "../testing/real-drivers.ts";
import type { TestBench } from "../testing/test-bench.ts";

/** Starts what forks once after `spareWhatRuns`. Gives the control group's processes before, and those that came later. */
async function startBeforeAndAfterSparing(bench: TestBench) {
  const program = `
import os, time
print("up", flush=True)
while not os.path.exists("/go/now"): time.sleep(0.05)
if os.fork() == 0:
    print("forked", flush=True); time.sleep(60)
time.sleep(60)`;
  const go = mkdtempSync(`${bench.directory}/go-`);
  // A sandbox's root may be another user of the host.
  chmodSync(go, 0o755);
  const mounts = [{ source: go, target: "/go", readonly: false }];
  const sandbox = await bench.start(bench.spec(["/usr/bin/python3", "-c", program], { mounts, limits }));
  const says = (word: string) =>
    poll(async () => (await sandbox.consoleTail(1000)).includes(word) || undefined, { timeoutMs: 10_000 });
  const group = `${benchCgroup(bench.directory)}/${sandbox.id}`;
  expect(await says("up")).toBe(true);
  sandbox.spareWhatRuns();
  const before = cgroupProcesses(group);
  await writeFile(`${go}/now`, "");
  expect(await says("forked")).toBe(true);
  return { sandbox, before, later: cgroupProcesses(group).filter((pid) => !before.includes(pid)) };
}

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

  test("memory: what starts after the daemon is taken before it, and before the runtime's own", async ({
    skip,
  }) => {
    if (bench().driver.isolation === "container") skip("inside, the daemon sees to that itself");
    const scoreOf = (pid: number): number => Number(readFileSync(`/proc/${pid}/oom_score_adj`, "utf8"));
    const { sandbox, before, later } = await startBeforeAndAfterSparing(bench());
    expect(scoreOf(sandbox.pid)).toBe(0);
    expect(before.filter((pid) => scoreOf(pid) === 1000).length).toBe(1);
    expect(later.length).toBeGreaterThan(0);
    expect(later.map(scoreOf)).toEqual(later.map(() => 1000));
    await bench().destroy(sandbox);
  });

  test("memory: what starts after the daemon leaves the runtime's own some, where groups may be nested so", async ({
    skip,
  }) => {
    if (bench().driver.isolation === "container") skip("the runtime has nothing of its own there");
    if (cgroupVersion() === 2) skip("a group that holds processes has no limited groups below it");
    const { sandbox, later } = await startBeforeAndAfterSparing(bench());
    const own = `${benchCgroup(bench().directory)}/${sandbox.id}`;
    const memoryGroupOf = (pid: number) =>
      /:memory:(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, "utf8"))?.[1];
    const limitOf = (group: string): number =>
      Number(readFileSync(`/sys/fs/cgroup/memory${group}/memory.limit_in_bytes`, "utf8"));
    expect(memoryGroupOf(sandbox.pid)).toBe(own);
    expect(later.length).toBeGreaterThan(0);
    expect(later.map(memoryGroupOf)).toEqual(later.map(() => `${own}/later`));
    expect(limitOf(`${own}/later`)).toBe(limits.memoryMib * 1024 * 1024);
    expect(limitOf(own)).toBeGreaterThan(limitOf(`${own}/later`));
    await bench().destroy(sandbox);
  });

  test("cpu: what starts after the daemon comes behind it", async ({ skip }) => {
    if (bench().driver.isolation === "gvisor") skip("whose turn it is, its own kernel says");
    const { sandbox, before, later } = await startBeforeAndAfterSparing(bench());
    expect(before).toContain(sandbox.pid);
    expect(before.map(getPriority)).toEqual(before.map(() => constants.priority.PRIORITY_HIGHEST));
    expect(later.length).toBeGreaterThan(0);
    expect(later.map(getPriority)).toEqual(later.map(() => 0));
    await bench().destroy(sandbox);
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

  test("pids: control groups of its own, for root alone, where the runtime has them", async ({ skip }) => {
    if (bench().driver.isolation === "container") skip("a container's groups are the host's");
    const program = `
import os, time
print(open("/groups/all/cgroup.controllers").read().split().count("pids"))
group = "/groups/all/of-one"
os.mkdir(group)
open(group + "/pids.max", "w").write("5")
child = os.fork()
if child == 0:
    time.sleep(0.3)
    try:
        while os.fork(): pass
    finally:
        time.sleep(20)
open(group + "/cgroup.procs", "w").write(str(child))
while "max 0" in open(group + "/pids.events.local").read(): time.sleep(0.05)
print(open(group + "/pids.current").read().strip())
open(group + "/cgroup.kill", "w").write("1")
print(os.waitpid(child, 0)[1])
while open(group + "/pids.current").read().strip() != "0": time.sleep(0.05)
os.rmdir(group)
os.setuid(1000)
try: os.listdir("/groups/all")
except PermissionError: print("hidden", flush=True)`;
    const { output } = await bench().python(program, { limits, controlGroups: "/groups/all" });
    expect(output.trim().split("\n")).toEqual(["1", "5", "9", "hidden"]);
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

  test("cpu: busy processes get half a processor between them", async () => {
    const program = `
import os
for _ in range(3):
    if os.fork() == 0: break
print("busy", flush=True)
while True: pass`;
    const spec = bench().spec(["/usr/bin/python3", "-c", program], { limits: { ...limits, cpuCount: 0.5 } });
    const sandbox = await bench().start(spec);
    const areBusy = async () => (await sandbox.consoleTail(1000)).split("busy").length > 4 || undefined;
    expect(await poll(areBusy, { timeoutMs: 30_000, intervalMs: 50 })).toBe(true);
    // By the host's clock and count: what is counted inside may be time spent waiting for a processor.
    const read = () => ({ cpuMs: (sandbox.usage()?.cpuUsec ?? Number.NaN) / 1000, atMs: performance.now() });
    const begun = read();
    await sleep(3000);
    const ended = read();
    const share = (ended.cpuMs - begun.cpuMs) / (ended.atMs - begun.atMs);
    expect(share).toBeGreaterThan(0.02);
    expect(share).toBeLessThan(0.7);
    await bench().destroy(sandbox);
  });

  test("shows its memory limit, not the host's memory, where the runtime can", async ({ skip }) => {
    if (bench().driver.isolation === "container") skip("a container sees the host's /proc/meminfo");
    const { output } = await bench().shell("grep MemTotal /proc/meminfo", { limits });
    expect(output).toMatch(/MemTotal:\s+262144 kB/);
  });
}
