import { statSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { newBuildId, newSandboxId, newTemplateId } from "@sandbank/core/ids";
import type { BuildManifest } from "@sandbank/protocol/build-manifest";
import type { SandboxRecord } from "./sandbox-record.ts";
import { type Store, openStore } from "./store.ts";

let directory: string;
let store: Store;
const path = (): string => join(directory, "state", "sandbank.db");

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "sandbank-store-"));
  store = await openStore({ path: path() });
});

afterEach(async () => {
  await store.close();
  await rm(directory, { recursive: true });
});

function manifestOf(templateId: string): BuildManifest {
  return {
    buildId: newBuildId(),
    templateId,
    layers: ["base"],
    cpuCount: 2,
    memoryMib: 512,
    diskMib: 1024,
    defaultUser: "user",
    defaultWorkdir: "/home/user",
    envdVersion: "0.6.13",
  };
}

function recordOf(teamId: string, changes: Partial<SandboxRecord> = {}): SandboxRecord {
  return {
    id: newSandboxId(),
    teamId,
    templateId: "template",
    buildId: newBuildId(),
    alias: "base",
    state: "creating",
    createdAtMs: 1,
    startedAtMs: 1,
    endAtMs: 2,
    timeoutMs: 1,
    cpuCount: 2,
    memoryMib: 512,
    diskMib: 1024,
    envdVersion: "0.6.13",
    metadata: { a: "ä" },
    envVars: { B: "c" },
    secure: true,
    allowInternetAccess: undefined,
    network: undefined,
    volumeMounts: [],
    autoPause: false,
    autoResume: false,
    isolation: undefined,
    driver: undefined,
    nodeId: undefined,
    hostAddress: undefined,
    endReason: undefined,
    exitCode: undefined,
    endedAtMs: undefined,
    ...changes,
  };
}

test("keys: found by their text, kept as a hash, gone at once when deleted", async () => {
  const team = await store.teams.ensure("default");
  const { key, record } = await store.apiKeys.create(team.id, "first");
  expect(key).toMatch(/^e2b_[0-9a-f]{40}$/);
  expect((await store.apiKeys.authenticate(key))?.team.id).toBe(team.id);
  expect(await store.apiKeys.authenticate(`${key}0`)).toBeUndefined();
  expect(record.mask).toEqual({
    prefix: "e2b_",
    valueLength: 40,
    maskedValuePrefix: key.slice(4, 6),
    maskedValueSuffix: key.slice(-4),
  });
  for (const file of [path(), `${path()}-wal`]) {
    expect((await readFile(file)).includes(key.slice(4))).toBe(false);
    expect(statSync(file).mode & 0o077).toBe(0);
  }
  expect(await store.apiKeys.delete("other team", record.id)).toBe(false);
  expect(await store.apiKeys.delete(team.id, record.id)).toBe(true);
  expect(await store.apiKeys.authenticate(key)).toBeUndefined();
});

test("teams: made once, with their own limits", async () => {
  const first = await store.teams.ensure("a", { limits: { maxSandboxes: 3 } });
  expect(await store.teams.ensure("a", { limits: { maxSandboxes: 9 } })).toEqual(first);
  await store.teams.update(first.id, { limits: { maxSandboxes: 4 }, blocked: true });
  expect(await store.teams.get(first.id)).toMatchObject({ limits: { maxSandboxes: 4 }, blocked: true });
});

test("templates: registering is idempotent; names move; namespaces are tried in order", async () => {
  const team = await store.teams.ensure("acme");
  const manifest = manifestOf(newTemplateId());
  const names = [
    { namespace: "", alias: "base" },
    { namespace: "acme", alias: "own" },
  ];
  const registration = { teamId: team.id, names, public: true, tags: ["default", "v1"], manifest };
  await store.templates.registerBuild(registration);
  await store.templates.registerBuild(registration);
  const found = await store.templates.findByName(["acme", ""], "base");
  expect(found).toMatchObject({ id: manifest.templateId, public: true });
  expect(found?.names).toStrictEqual(names);
  expect(await store.templates.findByName(["other", ""], "own")).toBeUndefined();
  expect((await store.templates.buildByTag(manifest.templateId, "v1"))?.manifest).toEqual(manifest);
  expect(await store.templates.buildByTag(manifest.templateId, "v2")).toBeUndefined();

  const newer = manifestOf(newTemplateId());
  await store.templates.registerBuild({ ...registration, names: names.slice(0, 1), manifest: newer });
  expect((await store.templates.findByName([""], "base"))?.id).toBe(newer.templateId);
  expect((await store.templates.findByName(["acme"], "own"))?.id).toBe(manifest.templateId);
  await store.templates.recordSpawn(newer.templateId, 5);
  expect((await store.templates.get(newer.templateId))?.spawnCount).toBe(1);
  expect((await store.templates.list(team.id)).map((each) => each.builds.length)).toEqual([1, 1]);
});

test("sandboxes: 50 reservations at once never pass the limit", async () => {
  const team = await store.teams.ensure("default");
  const results = await Promise.all(
    Array.from({ length: 50 }, () => store.sandboxes.reserve(recordOf(team.id), { maxSandboxes: 20 })),
  );
  expect(results.filter(({ outcome }) => outcome === "reserved")).toHaveLength(20);
});

test("sandboxes: records come back as they were put in", async () => {
  const team = await store.teams.ensure("default");
  const record = recordOf(team.id, {
    alias: undefined,
    allowInternetAccess: false,
    network: { allowPublicTraffic: false },
    exitCode: 0,
  });
  await store.sandboxes.reserve(record, { maxSandboxes: 1 });
  expect(await store.sandboxes.get(record.id)).toEqual(record);
});

test("sandboxes: a transition happens once", async () => {
  const team = await store.teams.ensure("default");
  const record = recordOf(team.id);
  await store.sandboxes.reserve(record, { maxSandboxes: 1 });
  const patch = { hostAddress: "10.11.0.1", startedAtMs: 5, endAtMs: 9 };
  expect(await store.sandboxes.transition(record.id, "creating", "running", patch)).toBe(true);
  expect(await store.sandboxes.transition(record.id, "creating", "running", patch)).toBe(false);
  await store.sandboxes.forget(record.id);
  expect(await store.sandboxes.get(record.id)).toEqual({ ...record, state: "running", ...patch });
  expect(await store.sandboxes.countRunning(team.id)).toBe(1);
});

test("sandboxes: pages in both orders, ties broken by id; ended history is pruned", async () => {
  const team = await store.teams.ensure("default");
  const records = [3, 1, 2, 2].map((startedAtMs) => recordOf(team.id, { startedAtMs }));
  for (const record of records) {
    await store.sandboxes.reserve(record, { maxSandboxes: 10 });
    await store.sandboxes.transition(record.id, "creating", "running");
  }
  const expected = records
    .map(({ startedAtMs, id }) => ({ startedAtMs, id }))
    .sort((a, b) => a.startedAtMs - b.startedAtMs || (a.id < b.id ? -1 : 1));
  for (const order of ["asc", "desc"] as const) {
    const seen: { startedAtMs: number; id: string }[] = [];
    for (;;) {
      const page = await store.sandboxes.page({
        teamId: team.id,
        states: ["running"],
        order,
        limit: 1,
        after: seen.at(-1),
      });
      if (page.length === 0) break;
      seen.push(...page.map(({ startedAtMs, id }) => ({ startedAtMs, id })));
    }
    expect(seen).toEqual(order === "asc" ? expected : expected.toReversed());
  }
  const first = records[0]?.id ?? "";
  await store.sandboxes.transition(first, "running", "ended", { endReason: "killed", endedAtMs: 10 });
  expect(await store.sandboxes.pruneEnded(10)).toBe(0);
  expect(await store.sandboxes.pruneEnded(11)).toBe(1);
});

test("a second process (here: connection) sees and waits for the first", async () => {
  const other = await openStore({ path: path() });
  try {
    const team = await store.teams.ensure("default");
    expect((await other.teams.get(team.id))?.slug).toBe("default");
    await Promise.all([other.apiKeys.create(team.id, "x"), store.apiKeys.create(team.id, "y")]);
    expect(await store.apiKeys.list(team.id)).toHaveLength(2);
  } finally {
    await other.close();
  }
});

test("a file that is no database is refused by name", async () => {
  await expect(openStore({ path: directory })).rejects.toThrow(`the database ${directory} can't be opened`);
});

test("volumes: names and limits of a team, and none is taken from a sandbox", async () => {
  const [team, other] = [await store.teams.ensure("default"), await store.teams.ensure("acme")];
  const limits = { maxVolumes: 3, maxVolumesMib: 250 };
  const volume = (id: string, teamId = team.id) =>
    ({ id, teamId, name: id, sizeMib: 100, state: "creating", createdAtMs: 1 }) as const;
  expect(await store.volumes.reserve(volume("one"), limits)).toEqual({ outcome: "reserved" });
  expect(await store.volumes.reserve({ ...volume("x"), name: "one" }, limits)).toEqual({
    outcome: "name taken",
  });
  expect(await store.volumes.reserve({ ...volume("x", other.id), name: "one" }, limits)).toEqual({
    outcome: "reserved",
  });
  expect(await store.volumes.reserve(volume("two"), { ...limits, maxVolumes: 1 })).toEqual({
    outcome: "exceeded",
    limit: "maxVolumes",
    max: 1,
    used: 1,
  });
  await store.volumes.reserve(volume("two"), limits);
  expect(await store.volumes.reserve(volume("three"), limits)).toEqual({
    outcome: "exceeded",
    limit: "maxVolumesMib",
    max: 250,
    used: 200,
  });

  const mounts = { volumeMounts: [{ volumeId: "one", name: "one", path: "/v" }] };
  const sandbox = recordOf(team.id, mounts);
  // Half made, it is not there for anybody.
  expect([await store.volumes.get("one"), await store.volumes.list(team.id)]).toEqual([undefined, []]);
  expect(await store.sandboxes.reserve(sandbox, {})).toEqual({ outcome: "volume gone", name: "one" });
  await store.volumes.markReady("one");
  expect(await store.volumes.list(team.id)).toEqual([{ ...volume("one"), state: "ready" }]);
  expect(await store.sandboxes.reserve(sandbox, {})).toEqual({ outcome: "reserved" });
  expect((await store.sandboxes.get(sandbox.id))?.volumeMounts).toEqual(mounts.volumeMounts);
  expect(await store.volumes.beginRemoval(other.id, "one")).toEqual({ outcome: "not found" });
  expect(await store.volumes.beginRemoval(team.id, "one")).toEqual({
    outcome: "mounted",
    sandboxIds: [sandbox.id],
  });
  await store.sandboxes.forget(sandbox.id);
  expect(await store.volumes.beginRemoval(team.id, "one")).toEqual({ outcome: "begun" });
  expect(await store.sandboxes.reserve(recordOf(team.id, mounts), {})).toMatchObject({
    outcome: "volume gone",
  });
  await store.volumes.cancelRemoval("one");
  await store.volumes.forget("one");
  expect((await store.volumes.all()).map(({ id }) => id).toSorted()).toEqual(["one", "two", "x"]);
  await store.volumes.beginRemoval(team.id, "one");
  await store.volumes.forget("one");
  expect((await store.volumes.all()).length).toBe(2);
});
