import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from "node:fs";
import { expect, test } from "vitest";
import { poll } from "@sandbank/core/deadline";
import { cgroupDirectories, cgroupProcesses, removeCgroup } from "./cgroup.ts";
import { openFilesHardLimit } from "./limits.ts";
import { inNetworkNamespace } from "./namespace-entry.ts";
import { openPipe, posixSpawn, reap } from "./posix-spawn.ts";
import { identifyProcess, isRunning, signalProcess, waitForEnd } from "./process.ts";

test("tells a process from a later one with its pid, and a zombie from a running one", async () => {
  const child = spawn("sleep", ["60"]);
  const identity = identifyProcess(child.pid ?? 0);
  if (!identity) throw new Error("no process");
  expect(isRunning(identity)).toBe(true);
  expect(isRunning({ ...identity, startTicks: identity.startTicks - 1 })).toBe(false);
  expect(await waitForEnd(identity, 20)).toBe(false);
  expect(signalProcess(identity, "SIGKILL")).toBe(true);
  expect(await waitForEnd(identity, 10_000)).toBe(true);
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  expect(signalProcess(identity, "SIGKILL")).toBe(false);
  expect(identifyProcess(4_190_000)).toBeUndefined();
});

test("spawns with descriptors, an environment and clean signals, and reaps", async () => {
  const { reader, writeFd } = openPipe();
  const ownFile = openSync("/etc/hostname", "r");
  let text = "";
  reader.setEncoding("utf8").on("data", (piece: string) => {
    text += piece;
  });
  const script = "echo $GREETING $#:$1; grep -E '^Sig(Ign|Blk)' /proc/self/status; ls -l /proc/self/fd";
  const pid = posixSpawn({
    cwd: "/",
    file: "/bin/sh",
    args: ["-c", `(${script}) >&5`, "sh", "ä b"],
    env: { GREETING: "hällo", PATH: "/usr/bin:/bin" },
    descriptors: [{ own: writeFd, child: 5 }],
  });
  closeSync(writeFd);
  await once(reader, "end");
  closeSync(ownFile);
  expect(await reap(pid, 10_000)).toBe(0);
  expect(text).toContain("hällo 1:ä b\n");
  expect(text).toContain("SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
  expect(text).toContain("0 -> /dev/null");
  expect(text).not.toContain("/etc/hostname");
  const missing = { cwd: "/", file: "/no/such", args: [], env: {}, descriptors: [] };
  expect(() => posixSpawn(missing)).toThrow("ENOENT");
});

test("kills and removes a control group with what is below it", async () => {
  const path = `/sandbank-test-${process.pid}`;
  const roots = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup/memory"].filter((root) => existsSync(root));
  if (roots.length === 0) roots.push("/sys/fs/cgroup");
  for (const root of roots) mkdirSync(`${root}${path}/below`, { recursive: true });
  const child = spawn("sleep", ["60"]);
  writeFileSync(`${roots[0]}${path}/below/cgroup.procs`, String(child.pid));
  expect(cgroupProcesses(path)).toEqual([child.pid]);
  await removeCgroup(path, 5000);
  expect(cgroupDirectories(path)).toEqual([]);
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  expect(child.signalCode).toBe("SIGKILL");
  await removeCgroup(path, 1000);
});

test("works inside a network namespace and comes back, also from an error", async () => {
  const holder = spawn("/usr/bin/unshare", ["--net", "sleep", "60"]);
  const own = readlinkSync("/proc/self/ns/net");
  const path = `/proc/${holder.pid}/ns/net`;
  await poll(() => readlinkSync(path) !== own || undefined, { timeoutMs: 10_000 });
  const devices = inNetworkNamespace(path, () => readFileSync("/proc/thread-self/net/dev", "utf8"));
  expect(devices.trim().split("\n")).toHaveLength(3);
  const attempt = (): void =>
    inNetworkNamespace(path, () => {
      throw new Error("inside");
    });
  expect(attempt).toThrow("inside");
  expect(readlinkSync("/proc/thread-self/ns/net")).toBe(own);
  expect(() => inNetworkNamespace("/etc/hostname", () => undefined)).toThrow("EINVAL");
  holder.kill("SIGKILL");
  await once(holder, "exit");
});

test("knows how many files may be opened", () => {
  expect(openFilesHardLimit()).toBeGreaterThan(1000);
});
