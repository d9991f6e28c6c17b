import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { newSandboxId } from "@sandbank/core/ids";
import { cgroupVersion } from "@sandbank/linux/cgroup";
import { run } from "@sandbank/linux/command";
import { nftApply } from "@sandbank/linux/nft";
import { commandLine, listProcesses, readStat } from "@sandbank/linux/process";
import { CloudUnderTest } from "./cloud.ts";
import {
  type DoctorReport,
  examine,
  examinedByService,
  examineWithin,
  failedChecks,
  reportOn,
  withMount,
} from "./doctor/examination.ts";
import { Patient } from "./doctor/patient.ts";
import { givePort, takePort } from "./ports.ts";

let under: CloudUnderTest;
let patient: Patient;
let tag: string;
let sandboxesDir: string;
let runtimeDir: string;
const started: ChildProcess[] = [];

beforeAll(async () => {
  under = await CloudUnderTest.start({ isolation: "container" });
  patient = new Patient(under, await under.create());
  tag = under.cloud.settings["SANDBANK_TAG"] ?? "";
  sandboxesDir = join(under.cloud.dir, "state", "sandboxes");
  runtimeDir = join(under.cloud.dir, "run", "runtime");
});
afterAll(async () => {
  for (const child of started) child.kill("SIGKILL");
  await under.cloud.command(["doctor", "--fix"]);
  removePlantedFiles();
  await under.cloud.dispose();
});

/** Lives until it is killed: its input never ends. */
function start(file: string, args: string[], argv0 = file): number {
  const child = spawn(file, args, { argv0, stdio: ["pipe", "ignore", "ignore"] });
  started.push(child);
  return child.pid ?? -1;
}

test("the service finds the same as doctor does from outside", async () => {
  const { report } = await examine(under);
  const inside = await examinedByService(under);
  // A service for containers alone has no other runtime to probe.
  const checks = ({ host }: DoctorReport) =>
    host.checks.filter(({ name }) => name !== "runtime:gvisor").map(({ name, ok }) => [name, ok]);
  expect(checks(inside)).toEqual(checks(report));
  const verdicts = ({ sandboxes }: DoctorReport) =>
    sandboxes.map(({ sandboxID, verdict }) => [sandboxID, verdict]);
  expect(verdicts(inside)).toEqual([[patient.id, "healthy"]]);
  expect(verdicts(report)).toEqual(verdicts(inside));
  expect(inside.orphans).toEqual([]);
});

test("a resolver without *.localhost is named, with the package that helps", async () => {
  const file = join(under.cloud.dir, "nsswitch.conf");
  writeFileSync(file, "hosts: files\n");
  const found = await examineWithin(under, withMount(`--bind ${file} /etc/nsswitch.conf`));
  const [check, ...others] = failedChecks(found);
  expect(others).toEqual([]);
  expect(check).toMatchObject({ name: "resolver" });
  expect(check?.evidence).toContain("8000-sandbox.localhost");
  expect(check?.remedy).toContain("libnss-myhostname");
  expect(found.report.host.verdict).toBe("degraded");
  expect(found.exitCode).toBe(1);
});

test("a full disk is named, with the setting that moves it", async () => {
  const full = withMount(`-t tmpfs -o size=64k tmpfs ${join(under.cloud.dir, "log")}`);
  const found = await examineWithin(under, full);
  expect(failedChecks(found)).toEqual([expect.objectContaining({ name: "disk" })]);
  expect(failedChecks(found)[0]?.evidence).toContain(`${join(under.cloud.dir, "log")}: 0 MiB free`);
  expect(failedChecks(found)[0]?.remedy).toContain("SANDBANK_LOG_DIR");
  expect(found.exitCode).toBe(2);
});

test("what all sandboxes share is put back", async () => {
  await nftApply(`flush chain inet sandbank_${tag} postrouting\n`);
  await run("ip", ["addr", "del", `${under.cloud.settings["SANDBANK_HOST_PREFIX"]}.255.254/32`, "dev", "lo"]);
  const found = await examine(under);
  expect(failedChecks(found)).toEqual([expect.objectContaining({ name: "host-network" })]);
  expect(failedChecks(found)[0]?.evidence).toMatch(
    /missing: address 10\.\d+\.255\.254 on lo, rule masquerade/,
  );
  // Linux takes routes away with the address that they name.
  expect(reportOn(found, patient.id)).toMatchObject({ layer: "route", verdict: "broken" });
  const mended = await examine(under, "--fix");
  expect(mended.report.fixes?.map(({ target, ok }) => ({ target, ok }))).toEqual([
    { target: "host-network", ok: true },
    { target: patient.id, ok: true },
  ]);
  expect(mended.exitCode).toBe(0);
});

test("a zombie in a sandbox is listed until its parent ends, and not blamed on the sandbox", async () => {
  const script = "import os, time\nif os.fork() == 0: os._exit(0)\ntime.sleep(600)";
  const parent = await patient.sandbox.commands.run(`python3 -c '${script}'`, {
    background: true,
    timeoutMs: 0,
  });
  // Other programs of this machine may leave zombies too.
  const zombies = () =>
    listProcesses().filter(({ state, parent: pid }) => state === "Z" && commandLine(pid).includes(script));
  await vi.waitFor(() => expect(zombies()).not.toEqual([]), 30_000);
  const found = await examine(under);
  expect(found.report.orphans).toEqual([
    expect.objectContaining({ kind: "zombie", name: String(zombies()[0]?.pid) }),
  ]);
  expect(found.report.orphans[0]?.evidence).toContain("its parent python3");
  expect(reportOn(found, patient.id).verdict).toBe("healthy");
  expect(found.exitCode).toBe(1);
  const reminded = await examine(under, found.report.orphans[0]?.name ?? "", "--fix");
  expect(reminded.report.fixes?.[0]).toMatchObject({ ok: false });
  await parent.kill();
  await vi.waitFor(() => expect(zombies()).toEqual([]), 30_000);
});

test("what belongs to nobody is listed, and goes one by one, or all at once", async () => {
  // A service looks once more, 10 s after its start, for slots of an earlier one, and would take these for such.
  const { startedAt = "" } = (await under.cloud.status()) ?? {};
  const isSettled = () => expect(Date.now() - Date.parse(startedAt)).toBeGreaterThan(12_000);
  await vi.waitFor(isSettled, { timeout: 15_000, interval: 100 });
  const planted = await plant();
  const found = await examine(under);
  expect(found.report.orphans.map(({ kind, name }) => `${kind} ${name}`).toSorted()).toEqual(
    planted.map(([kind, name]) => `${kind} ${name}`).toSorted(),
  );
  expect(found.report.orphans.every(({ remedy }) => remedy.includes("--fix"))).toBe(true);
  expect(found.exitCode).toBe(1);
  const pid = Number(planted.find(([kind]) => kind === "process")?.[1]);

  const one = await examine(under, `${tag}-r-4000`, "--fix");
  expect(one.report.fixes).toEqual([{ target: `${tag}-r-4000`, ok: true, did: [expect.any(String)] }]);
  expect(one.report.orphans).toHaveLength(planted.length - 1);
  expect(readStat(pid)).toBeDefined();

  const all = await examine(under, "--fix");
  expect(all.report.fixes?.map(({ ok }) => ok)).toEqual(
    Array.from({ length: planted.length - 1 }, () => true),
  );
  expect(all.report.orphans).toEqual([]);
  expect(all.exitCode).toBe(0);
  await vi.waitFor(() => expect(readStat(pid)?.state ?? "Z").toBe("Z"), 30_000);
  removePlantedFiles();
});

function removePlantedFiles(): void {
  for (const name of ["planted", "planted.img"])
    rmSync(join(sandboxesDir, name), { recursive: true, force: true });
}

/** One of each kind, under this cloud's name. */
async function plant(): Promise<[kind: string, name: string][]> {
  await run("ip", ["netns", "add", `${tag}-r-4000`]);
  await run("ip", ["link", "add", `${tag}h4001`, "type", "veth", "peer", "name", `${tag}peer`]);
  await run("ip", ["tuntap", "add", "dev", `${tag}h4002`, "mode", "tap"]);
  const mountPoint = join(sandboxesDir, "planted");
  mkdirSync(mountPoint);
  await run("mount", ["-t", "tmpfs", "tmpfs", mountPoint]);
  const image = join(sandboxesDir, "planted.img");
  await run("truncate", ["-s", "1M", image]);
  const loop = (await run("losetup", ["--find", "--show", image])).trim();
  const root = cgroupVersion() === 2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory";
  mkdirSync(`${root}/sandbank-${tag}/planted`);
  const args = [
    "-c",
    "read never; :",
    "monitor",
    `--cid=${newSandboxId()}`,
    `--exit-dir=${runtimeDir}/exits`,
  ];
  const pid = start("/bin/sh", args, "conmon");
  return [
    ["netns", `${tag}-r-4000`],
    ["veth", `${tag}h4001`],
    ["tap", `${tag}h4002`],
    ["mount", mountPoint],
    ["loop", loop],
    ["cgroup", `/sandbank-${tag}/planted`],
    ["process", String(pid)],
  ];
}

test("a service that hangs is told from one that is down, and everything else is still examined", async () => {
  const pid = await under.servicePid();
  process.kill(pid, "SIGSTOP");
  try {
    const found = await examine(under);
    expect(failedChecks(found)).toEqual([expect.objectContaining({ name: "service" })]);
    expect(failedChecks(found)[0]?.evidence).toContain(`pid ${pid} is T (stopped)`);
    expect(failedChecks(found)[0]?.evidence).toContain("not asked: which sandboxes and slots it holds");
    expect(failedChecks(found)[0]?.remedy).toContain(`kill -CONT ${pid}`);
    expect(reportOn(found, patient.id)).toMatchObject({ layer: "proxy", verdict: "broken" });
    expect(reportOn(found, patient.id).layers.filter(({ ok }) => ok)).toHaveLength(8);
    // Its ready slots are not taken for leaks.
    expect(found.report.orphans).toEqual([]);
    // It waits for no answer without a deadline.
    expect(found.tookMs).toBeLessThan(30_000);
  } finally {
    process.kill(pid, "SIGCONT");
  }
  expect((await examine(under)).exitCode).toBe(0);
});

test("without a service: a taken proxy port, a killed sandbox, and repairs all the same", async () => {
  const killed = new Patient(under, await under.create());
  process.kill(await under.servicePid(), "SIGKILL");
  await vi.waitFor(async () => expect(await under.cloud.status()).toBeUndefined(), 30_000);
  process.kill(killed.pid, "SIGKILL");
  const proxyPort = Number(under.cloud.settings["SANDBANK_PROXY_PORT"]);
  const intruder = await takePort(proxyPort, (_, response) => response.end("not a proxy"));
  try {
    const found = await examine(under);
    expect(failedChecks(found).map(({ name }) => name)).toEqual(["service", "proxy-port"]);
    expect(failedChecks(found)[1]?.evidence).toContain(`(pid ${process.pid})`);
    expect(failedChecks(found)[1]?.remedy).toContain("SANDBANK_PROXY_PORT");
    expect(reportOn(found, patient.id)).toMatchObject({ layer: "proxy", verdict: "broken" });
    expect(reportOn(found, patient.id).evidence).toContain("200 not a proxy");
    expect(reportOn(found, killed.id)).toMatchObject({ layer: "envd", verdict: "broken" });
    expect(reportOn(found, killed.id).evidence).toContain(`first process, pid ${killed.pid}`);
    expect(found.exitCode).toBe(2);

    const cleared = await examine(under, killed.id, "--fix");
    expect(cleared.report.fixes).toEqual([{ target: killed.id, ok: true, did: [expect.any(String)] }]);
    expect(cleared.report.sandboxes).toEqual([]);
    expect(reportOn(await examine(under, killed.id), killed.id).evidence).toContain("exit code 137");
    expect(readStat(patient.pid)).toBeDefined();
  } finally {
    await givePort(intruder);
  }
  await under.up();
  const again = await examine(under);
  expect(again.report.sandboxes.map(({ sandboxID, verdict }) => [sandboxID, verdict])).toEqual([
    [patient.id, "healthy"],
  ]);
  expect(again.report.orphans).toEqual([]);
  expect(again.exitCode).toBe(0);
});

test("a sandbox that nobody knows is no healthy one", async () => {
  const { exitCode, stderr } = await under.cloud.command(["doctor", newSandboxId()]);
  expect(stderr).toContain("nothing is known of a sandbox");
  expect(exitCode).toBe(2);
});
