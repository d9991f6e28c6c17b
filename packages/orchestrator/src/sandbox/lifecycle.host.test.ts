import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chmod } from "node:fs/promises";
import { create } from "@bufbuild/protobuf";
import { createClient, createRouterTransport } from "@connectrpc/connect";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { newSandboxId } from "@sandbank/core/ids";
import { silentLogger } from "@sandbank/core/logger";
import { ipBatch } from "@sandbank/linux/ip";
import { listNetns } from "@sandbank/linux/netns";
import { mountPointsUnder } from "@sandbank/linux/mount";
import { nftApply } from "@sandbank/linux/nft";
import { fromConnectError } from "@sandbank/protocol/connect-error";
import { NodeService, SandboxConfigSchema } from "@sandbank/protocol/gen/node_pb";
import { chooseDriver, createDrivers, removeDriverState } from "@sandbank/runtime/drivers";
import { baseManifest, ensureBaseTemplate } from "@sandbank/templates/base";
import { createOrchestrator, type Orchestrator } from "../orchestrator.ts";
import type { GuestDaemon } from "../options.ts";

// Real sandboxes of the container tier whose daemon is replaced by one that fails in a known way.
const cacheDir = "/var/cache/sandbank";
const paths = { buildsDir: join(cacheDir, "builds"), layersDir: join(cacheDir, "layers") };
const identity = { tag: "tl", hostPrefix: "10.18" };
const cgroupParent = "/sandbank-tl";
const manifest = baseManifest();
let dir: string;
let daemonArgs: string[] = [];
let orchestrator: Orchestrator;
/** Long where a daemon is to come up: starting Python on a busy machine, or for the first time, takes a while. */
const patient = { deviceMs: 300, linkMs: 300, addressMs: 500, portMs: 10_000, envdMs: 10_000 };
const deadlines = { ...patient };

const daemon: GuestDaemon = { dir: "/usr/share/base-files", initArgs: () => daemonArgs };

beforeAll(async () => {
  await ensureBaseTemplate({
    ...paths,
    toolEnv: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
    onProgress: () => undefined,
  });
  dir = await mkdtemp(join(tmpdir(), "sandbank-lifecycle-"));
  await chmod(dir, 0o711);
  const drivers = createDrivers({ stateDir: join(dir, "run"), cacheDir, cgroupParent, logger: silentLogger });
  const { driver } = await chooseDriver(drivers, "container");
  orchestrator = await createOrchestrator({
    nodeId: "test",
    version: "0",
    driver,
    drivers,
    identity,
    paths: {
      ...paths,
      sandboxesDir: join(dir, "sandboxes"),
      volumesDir: join(dir, "volumes"),
      egressAuthorityFile: join(dir, "egress-ca.pem"),
    },
    observe: {
      dir: join(dir, "observe"),
      maxLogBytes: 65_536,
      maxTotalBytes: 1_048_576,
      retentionMs: 60_000,
    },
    envd: daemon,
    slotPoolSize: 1,
    maxConcurrentStarts: 2,
    pidsLimit: 64,
    logger: silentLogger,
    healthRoundMs: 300,
    deadlines,
  });
});

afterEach(() => Object.assign(deadlines, patient));
afterAll(async () => {
  await orchestrator.tearDown();
  await removeDriverState({ stateDir: join(dir, "run"), cgroupParent });
  expect(await listNetns("tl-")).toEqual([]);
  expect(mountPointsUnder(dir)).toEqual([]);
  await rm(dir, { recursive: true });
});

const node = () =>
  createClient(
    NodeService,
    createRouterTransport(({ service }) => service(NodeService, orchestrator.service)),
  );

const config = (sandboxId = newSandboxId()) =>
  create(SandboxConfigSchema, {
    sandboxId,
    templateId: manifest.templateId,
    buildId: manifest.buildId,
    cpuCount: 1,
    memoryMib: 256,
    diskMib: 256,
  });

async function failedCreate(script: string) {
  daemonArgs = ["/bin/sh", "-c", script];
  const error = await node()
    .createSandbox({ config: config() })
    .then(() => undefined, fromConnectError);
  // Nothing but the pool's own slot is left of it.
  expect(await readdir(join(dir, "sandboxes"))).toEqual([]);
  expect(mountPointsUnder(join(dir, "sandboxes"))).toEqual([]);
  return error;
}

const answering = (status: number): string =>
  `exec python3 -c '
from http.server import *
class H(BaseHTTPRequestHandler):
  def do_GET(self):
    self.send_response(204); self.end_headers()
  def do_POST(self):
    self.rfile.read(int(self.headers["content-length"])); self.send_response(${status}); self.end_headers()
HTTPServer(("0.0.0.0", 49983), H).serve_forever()'`;

test("a daemon that ends is named with its exit code and its last words", async () => {
  const error = await failedCreate("echo cannot find my library >&2; exit 42");
  expect(error).toMatchObject({ reason: "sandbox_exited" });
  expect(error?.message).toContain("exit code 42");
  expect(error?.message).toContain("cannot find my library");
});

test("a daemon that does not listen fails at the layer port, with the console's end", async () => {
  deadlines.portMs = 700;
  const error = await failedCreate("echo still starting; exec sleep 60");
  expect(error).toMatchObject({ reason: "sandbox_port_closed" });
  expect(error?.message).toMatch(
    /layer port; after 700 ms: connect to 10\.18\.\d+\.\d+:49983 gives ECONNREFUSED/,
  );
  expect(error?.message).toContain("still starting");
});

test("a daemon that refuses its configuration, or never answers, fails at the layer envd", async () => {
  const refused = await failedCreate(answering(500));
  expect(refused).toMatchObject({ reason: "sandbox_envd_unhealthy" });
  expect(refused?.message).toContain("status 500");
  deadlines.envdMs = 700;
  const silent = await failedCreate("exec nc -lk 0.0.0.0 49983");
  expect(silent).toMatchObject({ reason: "sandbox_envd_unhealthy" });
});

test("what keeps the address from answering is named: a missing rule, a device inside that is down", async () => {
  await nftApply("delete table ip slot_nat\n", (await readySlot()).replace("-g-", "-r-"));
  const unruled = await failedCreate("exec sleep 60");
  expect(unruled).toMatchObject({ reason: "sandbox_route_missing" });
  expect(unruled?.message).toMatch(/layer route; after 500 ms: .*no rule "iifname "upl" ip daddr 10\.18\./);
  await ipBatch(["link set eth0 down"], await readySlot());
  const down = await failedCreate("exec sleep 60");
  expect(down).toMatchObject({ reason: "sandbox_link_down" });
  expect(down?.message).toContain("eth0 (tl-g-");
});

test("a device that is down fails at the layer link, one that is gone at the layer device", async () => {
  const index = async (): Promise<number> => Number((await readySlot()).slice("tl-g-".length));
  await ipBatch([`link set tlh${await index()} down`]);
  expect(await failedCreate("exec sleep 60")).toMatchObject({ reason: "sandbox_link_down" });
  await ipBatch([`link del tlh${await index()}`]);
  expect(await failedCreate("exec sleep 60")).toMatchObject({ reason: "sandbox_device_missing" });
});

test("an unknown build is not found, and costs no slot", async () => {
  const wanted = config();
  wanted.buildId = "00000000-0000-8000-8000-000000000000";
  const error = await node()
    .createSandbox({ config: wanted })
    .then(() => undefined, fromConnectError);
  expect(error).toMatchObject({ code: "not_found" });
});

test("a create that is repeated gives the same sandbox; a kill waits for it and leaves nothing", async () => {
  daemonArgs = ["/bin/sh", "-c", answering(204)];
  const wanted = config();
  const both = await Promise.all([
    node().createSandbox({ config: wanted }),
    node().createSandbox({ config: wanted }),
  ]);
  expect(both[0].sandbox?.pid).toBe(both[1].sandbox?.pid);
  expect(both[0].phases.map(({ name }) => name)).toContain("runtime");
  expect((await node().listSandboxes({})).sandboxes).toHaveLength(1);

  const starting = config();
  const started = node().createSandbox({ config: starting });
  await node().killSandbox({ sandboxId: starting.sandboxId });
  await started;
  await node().killSandbox({ sandboxId: wanted.sandboxId });
  const { sandboxes, recentEnds } = await node().listSandboxes({});
  expect(sandboxes).toEqual([]);
  expect(recentEnds.filter(({ kind }) => kind === "killed")).toHaveLength(2);
  const gone = await node()
    .killSandbox({ sandboxId: wanted.sandboxId })
    .then(() => undefined, fromConnectError);
  expect(gone).toMatchObject({ code: "not_found" });
});

test("a daemon that stops answering is noticed, and its log says so once, and when it answers again", async () => {
  daemonArgs = ["/bin/sh", "-c", answering(204)];
  const { sandboxId } = config();
  const { sandbox } = await node().createSandbox({ config: config(sandboxId) });
  const said = async (): Promise<string[]> =>
    (await node().getSandboxLogs({ sandboxId, limit: 100 })).entries
      .map(({ message }) => message)
      .filter((message) => /answer/.test(message));
  process.kill(sandbox?.pid ?? Number.NaN, "SIGSTOP");
  await vi.waitFor(async () => expect(await said()).toEqual(["sandbox does not answer"]), {
    timeout: 30_000,
  });
  const { entries } = await node().getSandboxLogs({ sandboxId, limit: 100 });
  const fields = entries.find(({ message }) => message === "sandbox does not answer")?.fields;
  expect(fields).toMatchObject({ layer: "envd", verdict: "broken" });
  expect(fields?.["evidence"]).toContain("T (stopped)");
  process.kill(sandbox?.pid ?? Number.NaN, "SIGCONT");
  await vi.waitFor(async () => expect((await said()).at(-1)).toBe("sandbox answers again"), {
    timeout: 30_000,
  });
  expect(await said()).toHaveLength(2);
  await node().killSandbox({ sandboxId });
});

test("logs tell of start, console and end, also afterwards; metrics are read from outside", async () => {
  daemonArgs = ["/bin/sh", "-c", `echo hello from inside; ${answering(204)}`];
  const { sandboxId } = config();
  await node().createSandbox({ config: config(sandboxId) });
  const logOf = async (): Promise<string[]> =>
    (await node().getSandboxLogs({ sandboxId, limit: 100 })).entries.map(({ message }) => message);
  for (const message of ["sandbox is ready", "hello from inside"]) {
    await vi.waitFor(async () => expect(await logOf()).toContain(message), { timeout: 10_000 });
  }
  const newest = async () => (await node().getNewestMetrics({ sandboxIds: [sandboxId] })).samples[sandboxId];
  await vi.waitFor(async () => expect(await newest()).toBeDefined(), { timeout: 20_000, interval: 200 });
  const sample = await newest();
  expect(sample).toMatchObject({ cpuCount: 1, memoryTotal: 256 * 1024 * 1024 });
  expect(sample?.memoryUsed).toBeGreaterThan(1024 * 1024);
  expect(sample?.diskTotal).toBeGreaterThan(200 * 1024 * 1024);
  await node().killSandbox({ sandboxId });
  await vi.waitFor(async () => expect((await logOf()).at(-1)).toBe("sandbox ended"), { timeout: 10_000 });
  expect((await node().getSandboxMetrics({ sandboxId })).samples).toContainEqual(sample);
});

/** The guest namespace of the slot that the next create takes: the pool keeps exactly one ready. */
async function readySlot(): Promise<string> {
  await vi.waitFor(() => expect(orchestrator.readySlots).toBe(1), { timeout: 15_000, interval: 10 });
  const [name, ...others] = await listNetns("tl-g-");
  if (name === undefined || others.length > 0) throw new Error("not exactly one slot is there");
  return name;
}
