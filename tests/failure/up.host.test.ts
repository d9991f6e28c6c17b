import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { repositoryDir, TestCloud } from "@sandbank/cli/testkit";
import { findLeftovers } from "@sandbank/cli/leftovers";
import { readConfig } from "@sandbank/cli/config";
import { run, runUnchecked } from "@sandbank/linux/command";
import { hasAddress } from "@sandbank/linux/ip";
import { identifyProcess } from "@sandbank/linux/process";
import { givePort, takePort } from "./ports.ts";

let cloud: TestCloud;
beforeEach(async () => {
  cloud = await TestCloud.create({ isolation: "container" });
});
afterEach(() => cloud.dispose());

const leftovers = () => findLeftovers(readConfig(cloud.settings));

test("up twice gives the same cloud; env and ps need it running; down leaves nothing", async () => {
  const first = await cloud.command(["up", "--detach"]);
  expect(first.exitCode, first.stderr).toBe(0);
  expect(first.stdout).toMatch(/^export E2B_API_KEY=e2b_[0-9a-f]{40}$/m);
  const pid = (await cloud.status())?.pid;
  const second = await cloud.command(["up", "--detach"]);
  expect(second.exitCode, second.stderr).toBe(0);
  expect(second.stderr).toContain(`running already (pid ${pid}`);
  expect(second.stdout).toBe(first.stdout);
  expect((await cloud.command(["env"])).stdout).toBe(first.stdout);
  expect((await cloud.command(["ps"])).stdout).toMatch(/^SANDBOX/);
  await cloud.down();
  expect(await leftovers()).toEqual([]);
  const env = await cloud.command(["env"]);
  expect(env.exitCode).toBe(1);
  expect(env.stderr).toContain("not running: start it with ./sandbank up");
}, 180_000);

test("a port that is taken is reported with the process that holds it, before anything is started", async () => {
  const server = await takePort(Number(cloud.settings["SANDBANK_API_PORT"]));
  try {
    const { exitCode, stderr } = await cloud.command(["up", "--detach"]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(`pid ${process.pid}`);
    expect(stderr).toContain("SANDBANK_API_PORT");
    expect(await leftovers()).toEqual([]);
  } finally {
    await givePort(server);
  }
}, 60_000);

test.each([
  [{ SANDBANK_TYPO: "1" }, /SANDBANK_TYPO/],
  [{ SANDBANK_API_PORT: "70000" }, /SANDBANK_API_PORT/],
  [{ SANDBANK_BIND: "192.0.2.250" }, /192\.0\.2\.250 is no address of this machine/],
  [{ SANDBANK_ISOLATION: "microvm" }, /no way to isolate sandboxes works on this machine.*microvm/],
])(
  "bad settings %j are named",
  async (settings, message) => {
    const odd = await TestCloud.create({ isolation: "container", settings });
    try {
      const { exitCode, stderr } = await odd.command(["up", "--detach"]);
      expect(exitCode).toBe(1);
      expect(stderr).toMatch(message);
    } finally {
      await run("rm", ["-rf", odd.dir]);
    }
  },
  60_000,
);

test("without root and without sudo it says what to do", async () => {
  // A PATH without sudo: the machine may have one that asks for a password.
  const bin = join(cloud.dir, "bin");
  await chmod(cloud.dir, 0o755);
  await mkdir(bin);
  for (const tool of ["sh", "id", "env", "sed", "tr", "cat", "cksum", "readlink", "dirname", "stat"]) {
    await run("ln", ["-s", (await run("which", [tool])).trim(), join(bin, tool)]);
  }
  const { exitCode, stderr } = await runUnchecked(
    "/usr/bin/setpriv",
    ["--reuid=65534", "--regid=65534", "--clear-groups", join(repositoryDir, "sandbank"), "up"],
    { env: { PATH: bin } },
  );
  expect(exitCode).toBe(1);
  expect(stderr).toContain('"up" needs root, and there is no sudo here: run it as root');
});

test("Ctrl-C in the foreground takes everything back, while it starts and when it runs", async () => {
  for (const moment of [/service/, /Sandbank is up/]) {
    const child = spawn(join(repositoryDir, "sandbank"), ["up"], {
      env: { ...process.env, ...cloud.settings },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
    await vi.waitFor(() => expect(said).toMatch(moment), 60_000);
    // As a terminal does it: to the whole process group.
    process.kill(-(child.pid ?? Number.NaN), "SIGINT");
    await once(child, "exit");
    expect(await leftovers(), said).toEqual([]);
    expect(await cloud.status()).toBeUndefined();
  }
}, 180_000);

test("an up that fails leaves sandboxes of an earlier run alone, and one whose team is full comes up", async () => {
  const metricsPort = cloud.sparePort;
  Object.assign(cloud.settings, {
    SANDBANK_METRICS_PORT: String(metricsPort),
    SANDBANK_MAX_SANDBOXES: "1",
  });
  await cloud.up();
  const { E2B_API_URL, E2B_API_KEY = "" } = await cloud.environment();
  const created = await fetch(`${E2B_API_URL}/v2/sandboxes`, {
    method: "POST",
    headers: { "x-api-key": E2B_API_KEY, "content-type": "application/json" },
    body: JSON.stringify({ templateID: "base" }),
  });
  expect(created.status).toBe(201);
  const before = await cloud.sandboxes();
  process.kill((await cloud.status())?.pid ?? Number.NaN, "SIGKILL");
  await vi.waitFor(async () => expect(await cloud.status()).toBeUndefined(), 30_000);

  // Found before anything is started, and not before.
  for (const port of [Number(cloud.settings["SANDBANK_API_PORT"]), metricsPort]) {
    const server = await takePort(port);
    const { exitCode, stderr } = await cloud.command(["up", "--detach"]);
    await givePort(server);
    expect(exitCode, stderr).toBe(1);
    expect(stderr).toContain(String(port));
    expect(await cloud.status()).toBeUndefined();
    expect(identifyProcess(before[0]?.pid ?? -1)).toBeDefined();
  }

  const { exitCode, stderr } = await cloud.command(["up", "--detach"]);
  expect(exitCode, stderr).toBe(0);
  expect(stderr).toContain("self-check left out");
  expect(await cloud.sandboxes()).toEqual(before);
  await cloud.down();
  expect(await leftovers()).toEqual([]);
}, 180_000);

test("a second cloud of the same tag or the same addresses is refused, and takes nothing of the first", async () => {
  await cloud.up();
  const second = await TestCloud.create({ isolation: "container" });
  try {
    const left = new Map<string, string[]>();
    for (const setting of ["SANDBANK_TAG", "SANDBANK_HOST_PREFIX"]) {
      const own = second.settings[setting] ?? "";
      second.settings[setting] = cloud.settings[setting] ?? "";
      // Also once it has sandboxes' folders, and believes that there is something to end.
      await mkdir(join(second.dir, "state/sandboxes"), { recursive: true });
      for (const args of [["up", "--detach"], ["serve"]]) {
        const { exitCode, stderr } = await second.command(args);
        expect(exitCode, stderr).toBe(1);
        expect(stderr).toContain(`choose`);
        expect(stderr).toContain(setting);
      }
      await second.command(["down"]);
      left.set(setting, await findLeftovers(readConfig(second.settings)));
      second.settings[setting] = own;
    }
    // By the same tag the first cloud's would be found.
    expect(left.get("SANDBANK_HOST_PREFIX")).toEqual([]);
    expect((await cloud.command(["doctor"])).exitCode).toBeLessThan(2);
    const { E2B_API_URL, E2B_API_KEY = "" } = await cloud.environment();
    const created = await fetch(`${E2B_API_URL}/v2/sandboxes`, {
      method: "POST",
      headers: { "x-api-key": E2B_API_KEY, "content-type": "application/json" },
      body: JSON.stringify({ templateID: "base" }),
    });
    expect(created.status).toBe(201);
    await cloud.down();
    expect(await hasAddress("lo", `${cloud.settings["SANDBANK_HOST_PREFIX"]}.255.254`)).toBe(false);
  } finally {
    await run("rm", ["-rf", second.dir]);
  }
}, 120_000);
