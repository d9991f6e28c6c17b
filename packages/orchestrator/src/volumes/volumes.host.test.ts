import { spawn, spawnSync } from "node:child_process";
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomUUID } from "node:crypto";
import { createClient, createRouterTransport } from "@connectrpc/connect";
import { afterEach, beforeEach, expect, test } from "vitest";
import { poll } from "@sandbank/core/deadline";
import { silentLogger } from "@sandbank/core/logger";
import { mountPointsUnder, unmount } from "@sandbank/linux/mount";
import { findProgram } from "@sandbank/linux/program";
import { fromConnectError } from "@sandbank/protocol/connect-error";
import { withDirectStreams } from "@sandbank/protocol/direct-streams";
import { VolumeService } from "@sandbank/protocol/gen/volumes_pb";
import { type VolumeManager, openVolumes } from "./volume-manager.ts";
import { volumeService } from "./volume-service.ts";

let dir: string;
let volumes: VolumeManager;
let volumeId: string;

const open = (idleMs = 60_000): Promise<VolumeManager> =>
  openVolumes({ dir: join(dir, "volumes"), logger: silentLogger, idleMs });

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "sandbank-volumes-"));
  volumes = await open();
  volumeId = randomUUID();
  await volumes.create(volumeId, 64);
});
afterEach(async () => {
  await volumes.close({ all: true });
  const left = mountPointsUnder(dir);
  for (const point of left) unmount(point);
  rmSync(dir, { recursive: true });
  expect(left).toEqual([]);
});

/** As a node in the same process is asked. */
function node() {
  const implementation = volumeService(volumes);
  const transport = createRouterTransport(({ service }) => service(VolumeService, implementation));
  return createClient(VolumeService, withDirectStreams(transport, VolumeService, implementation));
}

/** As one on another machine is: every message is written and read. */
const distantNode = () =>
  createClient(
    VolumeService,
    createRouterTransport(({ service }) => service(VolumeService, volumeService(volumes))),
  );

/** The volume's root as a sandbox sees it. */
const dataDir = (): Promise<string> => volumes.hold(volumeId, "i-test");

async function* parts(path: string, pieces: Iterable<string | Uint8Array>, options: object = {}) {
  yield { start: { volumeId, path, force: true, ...options } };
  for (const piece of pieces) yield { data: Buffer.from(piece) };
}
const write = (path: string, pieces: Iterable<string | Uint8Array>, options: object = {}) =>
  node().writeFile(parts(path, pieces, options));

async function read(path: string): Promise<string> {
  let [size, text] = [0, ""];
  for await (const part of node().readFile({ volumeId, path })) {
    size = part.size ?? size;
    text += Buffer.from(part.data).toString();
  }
  expect(text.length).toBe(size);
  return text;
}

async function list(path: string, depth = 1): Promise<string[]> {
  const found: string[] = [];
  for await (const { entries } of node().listEntries({ volumeId, path, depth })) {
    found.push(...entries.map((entry) => `${entry.type} ${entry.path}`));
  }
  return found;
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "no error";
  } catch (error) {
    const { code, reason } = fromConnectError(error);
    return reason ?? code;
  }
}

test("files and directories: what is written is read, listed, changed and removed", async () => {
  const made = await write("/a/b/file", ["hello ", "world"], {
    ownership: { uid: 1000, gid: 1001, mode: 0o640 },
  });
  expect(made).toMatchObject({
    name: "file",
    path: "/a/b/file",
    type: "file",
    size: 11,
    uid: 1000,
    gid: 1001,
    mode: 0o640,
  });
  expect(await read("a//b/../b/file")).toBe("hello world");
  expect(await node().statEntry({ volumeId, path: "/a" })).toMatchObject({
    type: "directory",
    uid: 1000,
    mode: 0o777,
  });
  expect(await node().statEntry({ volumeId, path: "" })).toMatchObject({ name: "/", path: "/", mode: 0o777 });
  const plain = await write("/plain", []);
  expect(plain).toMatchObject({ size: 0, uid: 0, gid: 0, mode: 0o666 });
  await write("/plain", ["replaced"]);
  expect(await read("/plain")).toBe("replaced");
  expect(await list("/")).toEqual(["directory /a", "file /plain"]);
  expect(await list("/", 3)).toEqual(["directory /a", "directory /a/b", "file /a/b/file", "file /plain"]);
  const changed = await node().updateEntry({ volumeId, path: "/plain", ownership: { gid: 7, mode: 0o4755 } });
  expect(changed).toMatchObject({ uid: 0, gid: 7, mode: 0o4755 });
  await node().removeEntry({ volumeId, path: "/a" });
  expect(await list("/")).toEqual(["file /plain"]);
  expect(readdirSync(join(dir, "volumes", volumeId, "mount", "staging"))).toEqual([]);
});

test("force decides about missing parents and what is there", async () => {
  const make = (path: string, force: boolean) => node().makeDirectory({ volumeId, path, force });
  expect(await codeOf(make("/x/y", false))).toBe("not_found");
  await make("/x/y", true);
  expect(await codeOf(make("/x/y", false))).toBe("already_exists");
  expect(await make("/x/y", true)).toMatchObject({ type: "directory" });
  expect(await codeOf(write("/z/file", ["x"], { force: false }))).toBe("not_found");
  await write("/x/file", ["x"], { force: false });
  expect(await codeOf(write("/x/file", ["y"], { force: false }))).toBe("already_exists");
  expect(await codeOf(make("/x/file", true))).toBe("invalid_argument");
  expect(await read("/x/file")).toBe("x");
});

test("what can't be is said", async () => {
  await write("/file", ["x"]);
  await node().makeDirectory({ volumeId, path: "/dir" });
  const cases: [Promise<unknown>, string][] = [
    [read("/none"), "not_found"],
    [read("/dir"), "invalid_argument"],
    [read("/file/below"), "not_found"],
    [list("/file"), "invalid_argument"],
    [write("/dir", ["x"]), "invalid_argument"],
    [write("/", ["x"]), "invalid_argument"],
    [write("/file/below", ["x"]), "not_found"],
    [write(`/${"n".repeat(300)}`, ["x"]), "invalid_argument"],
    [read(`/${"n/".repeat(3000)}`), "invalid_argument"],
    [read("/a\0b"), "invalid_argument"],
    [node().removeEntry({ volumeId, path: "/none" }), "not_found"],
    [node().removeEntry({ volumeId, path: "/dir/.." }), "invalid_argument"],
    [node().updateEntry({ volumeId, path: "/none" }), "not_found"],
    [node().statEntry({ volumeId: randomUUID(), path: "/" }), "not_found"],
    [node().statEntry({ volumeId: "../../etc", path: "/" }), "not_found"],
  ];
  // All at once: nobody would be there for one that is refused while another is waited for.
  const codes = await Promise.all(cases.map(([work]) => codeOf(work)));
  expect(codes).toEqual(cases.map(([, code]) => code));
});

test("links are followed inside the volume, and lead to nothing of the host", async () => {
  const data = await dataDir();
  await write("/etc/passwd", ["the tenant's own"]);
  symlinkSync("/etc/passwd", join(data, "absolute"));
  symlinkSync("../../../../../../etc/passwd", join(data, "etc", "up"));
  symlinkSync("/etc", join(data, "folder"));
  symlinkSync("/proc/self/root/etc/passwd", join(data, "magic"));
  symlinkSync("round", join(data, "round"));
  symlinkSync("/etc/shadow", join(data, "shadow"));
  symlinkSync("/new/place", join(data, "dangling"));
  for (const path of ["/absolute", "/etc/up", "/folder/passwd"]) {
    expect(await read(path)).toBe("the tenant's own");
  }
  expect(await codeOf(read("/magic"))).toBe("not_found");
  expect(await codeOf(read("/round"))).toBe("invalid_argument");
  expect(await codeOf(read("/shadow"))).toBe("not_found");
  expect(await codeOf(write("/round", ["x"]))).toBe("invalid_argument");
  expect(await node().statEntry({ volumeId, path: "/absolute" })).toMatchObject({
    type: "symlink",
    target: "/etc/passwd",
  });
  const before = statSync("/etc/passwd");
  await write("/absolute", ["changed"]);
  await write("/dangling", ["made"]);
  expect([await read("/etc/passwd"), await read("/new/place")]).toEqual(["changed", "made"]);
  await node().updateEntry({ volumeId, path: "/etc/up", ownership: { uid: 1234, mode: 0o777 } });
  await node().makeDirectory({ volumeId, path: "/folder/made", force: true });
  expect(await list("/folder")).toContain("directory /folder/made");
  await node().removeEntry({ volumeId, path: "/folder" });
  expect(await read("/etc/passwd")).toBe("changed");
  const after = statSync("/etc/passwd");
  expect([after.uid, after.mode, after.mtimeMs]).toEqual([before.uid, before.mode, before.mtimeMs]);
  expect(existsSync("/etc/made")).toBe(false);
});

test("a tenant that swaps directories for links all the time reaches nothing of the host", async () => {
  const data = await dataDir();
  const outside = join(dir, "outside");
  mkdirSync(join(outside, "deep"), { recursive: true });
  writeFileSync(join(outside, "file"), "host");
  // A process of its own, as a sandbox is: exchanges `swap` between a directory and a link to the host's folder.
  const program = `
import os, sys
os.chdir(sys.argv[1])
while True:
    try:
        os.makedirs("swap/deep", exist_ok=True); open("swap/file", "w").write("tenant")
        os.rename("swap", "aside"); os.symlink(sys.argv[2], "swap"); os.remove("swap"); os.rename("aside", "swap")
        os.rename("swap", "gone%d" % os.getpid()); os.system("rm -rf gone*")
    except OSError: pass
`;
  const swapper = spawn("python3", ["-c", program, data, outside], { stdio: "ignore", detached: true });
  try {
    for (let i = 0; i < 60; i++) {
      const text = await read("/swap/file").catch(() => "");
      expect(text).not.toBe("host");
      await write("/swap/file", ["tenant"]).catch(() => undefined);
      await write("/swap/new", ["tenant"]).catch(() => undefined);
      await node()
        .makeDirectory({ volumeId, path: "/swap/deep/er", force: true })
        .catch(() => undefined);
      await node()
        .updateEntry({ volumeId, path: "/swap/file", ownership: { uid: 9 } })
        .catch(() => undefined);
      await node()
        .removeEntry({ volumeId, path: i % 2 ? "/swap" : "/swap/deep" })
        .catch(() => undefined);
      await list("/", 10).catch(() => undefined);
    }
  } finally {
    // With what it has started.
    process.kill(-(swapper.pid ?? Number.NaN), "SIGKILL");
    await once(swapper, "close");
  }
  expect(readdirSync(outside, { recursive: true, encoding: "utf8" }).toSorted()).toEqual(["deep", "file"]);
  expect([readFileSync(join(outside, "file"), "utf8"), statSync(join(outside, "file")).uid]).toEqual([
    "host",
    0,
  ]);
});

test("pipes and odd names that a sandbox made hold nothing up", async () => {
  const data = await dataDir();
  expect(spawnSync(findProgram("mkfifo") ?? "", [join(data, "pipe")]).status).toBe(0);
  writeFileSync(Buffer.concat([Buffer.from(`${data}/`), Buffer.from([0xff, 0x41])]), "x");
  expect(await codeOf(read("/pipe"))).toBe("invalid_argument");
  expect(await list("/")).toEqual(["unknown /pipe", "file /\uFFFDA"]);
});

test("a full volume says so, keeps what was there, and has room again", async () => {
  await write("/kept", ["old"]);
  const piece = Buffer.alloc(1024 * 1024);
  const pieces = Array.from({ length: 100 }, () => piece);
  for (const client of [node(), distantNode()]) {
    expect(await codeOf(client.writeFile(parts("/kept", pieces)))).toBe("volume_full");
  }
  expect(await read("/kept")).toBe("old");
  await write("/next", [piece]);
  expect(await list("/")).toEqual(["file /kept", "file /next"]);
});

test("an upload that breaks off leaves what was there", async () => {
  await write("/kept", ["old"]);
  async function* broken() {
    yield* parts("/kept", ["new"]);
    throw new Error("the client is gone");
  }
  for (const client of [node(), distantNode()]) {
    expect(await codeOf(client.writeFile(broken()))).not.toBe("no error");
  }
  const staging = join(dir, "volumes", volumeId, "mount", "staging");
  expect(await poll(() => readdirSync(staging).length === 0 || undefined, { timeoutMs: 10_000 })).toBe(true);
  expect(await read("/kept")).toBe("old");
});

test("a download that is given up lets go of the volume", async () => {
  await write("/big", [Buffer.alloc(2 * 1024 * 1024)]);
  for (const client of [node(), distantNode()]) {
    for (const partsToTake of [1, 2]) {
      const controller = new AbortController();
      const options = { signal: controller.signal };
      const download = client.readFile({ volumeId, path: "/big" }, options)[Symbol.asyncIterator]();
      for (let i = 0; i < partsToTake; i++) await download.next();
      controller.abort();
    }
  }
  const deleted = () =>
    node()
      .deleteVolume({ volumeId })
      .then(
        () => true,
        () => undefined,
      );
  expect(await poll(deleted, { timeoutMs: 10_000, intervalMs: 20 })).toBe(true);
});

test("deleting waits for a transfer that is about to end, and not for one that goes on", async () => {
  const lease = await volumes.acquire(volumeId);
  await expect(volumes.remove(volumeId)).rejects.toThrow("in use by a transfer");
  const removed = volumes.remove(volumeId);
  setImmediate(() => lease.release());
  await removed;
  expect(volumes.list()).toEqual([]);
});

test("it is mounted while something uses it, unmounted after a while, and keeps its content over restarts", async () => {
  await volumes.close({ all: true });
  volumes = await open(30);
  await write("/kept", ["over restarts"]);
  chownSync(await dataDir(), 5, 5);
  const unmounted = () => mountPointsUnder(dir).length === 0 || undefined;
  expect(await poll(unmounted, { timeoutMs: 200 })).toBeUndefined();
  expect(await codeOf(node().deleteVolume({ volumeId }))).toBe("conflict");
  // As after SIGKILL: another manager finds it mounted, with what a transfer left.
  writeFileSync(join(dir, "volumes", volumeId, "mount", "staging", "left"), "");
  volumes = await open(30);
  expect(await poll(unmounted, { timeoutMs: 10_000 })).toBe(true);
  // Mounted until the end of the test, or it could be gone again before it is looked at.
  await dataDir();
  expect(await read("/kept")).toBe("over restarts");
  expect(readdirSync(join(dir, "volumes", volumeId, "mount", "staging"))).toEqual([]);
  expect((await node().statEntry({ volumeId, path: "/" })).uid).toBe(5);
});

test("deleting removes everything; half made and half deleted ones are swept at start", async () => {
  await write("/file", ["x"]);
  expect(volumes.list()).toEqual([volumeId]);
  await node().deleteVolume({ volumeId });
  await node().deleteVolume({ volumeId });
  expect(readdirSync(join(dir, "volumes"))).toEqual([]);
  expect(await codeOf(read("/file"))).toBe("not_found");
  await volumes.create(volumeId, 16);
  renameSync(join(dir, "volumes", volumeId), join(dir, "volumes", `${volumeId}.gone`));
  mkdirSync(join(dir, "volumes", `${randomUUID()}.new`));
  volumes = await open();
  expect(readdirSync(join(dir, "volumes"))).toEqual([]);
});
