import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { AppError } from "@sandbank/core/errors";
import { poll } from "@sandbank/core/deadline";
import { fileSignature } from "@sandbank/protocol/signature";
import { envdAccessToken } from "@sandbank/protocol/tokens";
import type { SandboxRecord } from "@sandbank/store/sandbox-record";
import { TestApi } from "./testing/test-api.ts";

let t: TestApi;
beforeEach(async () => {
  t = await TestApi.start();
});
afterEach(() => t.close());

async function recordOf(id: string): Promise<SandboxRecord> {
  const record = await t.store.sandboxes.get(id);
  if (!record) throw new Error(`no record ${id}`);
  return record;
}

async function until(what: string, condition: () => Promise<boolean> | boolean): Promise<void> {
  const met = await poll(async () => ((await condition()) ? true : undefined), { timeoutMs: 10_000 });
  if (!met) throw new Error(`never happened: ${what}`);
}

const times = <T>(count: number, work: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => work(index)));

test("kill: 204, then 404; unknown 404; 50 at once all succeed and the node is asked once", async () => {
  const id = await t.create();
  expect((await t.call("DELETE", `/sandboxes/${id}`)).status).toBe(204);
  expect(await recordOf(id)).toMatchObject({ state: "ended", endReason: "killed" });
  const again = await t.call("DELETE", `/sandboxes/${id}`);
  expect(again.body).toEqual({ code: 404, message: `Sandbox "${id}" was not found` });
  expect((await t.call("GET", `/sandboxes/${id}`)).status).toBe(404);
  expect((await t.call("DELETE", "/sandboxes/nope")).status).toBe(404);
  expect((await t.call("DELETE", "/sandboxes/No_Id!")).status).toBe(400);

  const other = await t.create();
  const gate = Promise.withResolvers<void>();
  t.node.beforeKill = () => gate.promise;
  const reads = vi.spyOn(t.store.sandboxes, "get");
  const kills = times(50, () => t.call("DELETE", `/sandboxes/${other}`));
  // Each call reads the record when it arrives, and the first once more when it has the lock.
  await until("all calls arrived", () => reads.mock.calls.length === 51 && t.node.kills.length === 2);
  expect((await t.call("GET", `/sandboxes/${other}`)).status).toBe(404);
  expect((await t.call("POST", `/v2/sandboxes/${other}/connect`, {})).status).toBe(409);
  expect((await t.call("POST", `/sandboxes/${other}/timeout`, { timeout: 5 })).status).toBe(409);
  gate.resolve();
  const statuses = (await kills).map((answer) => answer.status);
  expect(new Set(statuses)).toEqual(new Set([204]));
  expect(t.node.kills).toHaveLength(2);
});

test("kill while the node fails: the error is told, the end goes on later", async () => {
  const id = await t.create();
  t.node.beforeKill = () => {
    throw new AppError({ code: "unavailable", message: "the node is busy" });
  };
  const failed = await t.call("DELETE", `/sandboxes/${id}`);
  expect(failed.body).toEqual({ code: 503, message: "the node is busy" });
  expect((await recordOf(id)).state).toBe("killing");
  expect(t.api.directory.lookup(id)).toBeUndefined();
  t.node.beforeKill = () => undefined;
  await t.api.reconcile();
  expect(await recordOf(id)).toMatchObject({ state: "ended", endReason: "killed" });
  expect(t.node.sandboxes.size).toBe(0);
});

test("connect only extends; an empty body means 300 s in v2; v1 wants a timeout", async () => {
  const id = await t.create({ timeout: 1000 });
  const { endAtMs } = await recordOf(id);
  expect((await t.call("POST", `/v2/sandboxes/${id}/connect`)).status).toBe(200);
  expect((await t.call("POST", `/sandboxes/${id}/connect`, { timeout: 10 })).status).toBe(200);
  expect((await recordOf(id)).endAtMs).toBe(endAtMs);
  const connected = await t.call("POST", `/sandboxes/${id}-abc/connect`, { timeout: 2000 });
  expect(connected.body).toMatchObject({ sandboxID: id, domain: "localhost:49983" });
  expect((await recordOf(id)).endAtMs).toBeGreaterThan(endAtMs + 900_000);
  const missing = await t.call("POST", `/sandboxes/${id}/connect`, {});
  expect(missing.body["message"]).toBe(`validation error: body field "timeout" is required`);
  expect((await t.call("POST", "/v2/sandboxes/nope/connect", {})).status).toBe(404);
  const long = await t.call("POST", `/v2/sandboxes/${id}/connect`, { timeout: 90_000 });
  expect(long.body["message"]).toMatch(/^Timeout cannot be greater than 24 hours/);

  const short = await t.create({ timeout: 1 });
  await t.call("POST", `/v2/sandboxes/${short}/connect`, undefined, {
    headers: { "content-type": "application/json" },
  });
  expect((await recordOf(short)).endAtMs).toBeGreaterThan(Date.now() + 290_000);
});

test("set timeout moves both ways, refreshes only extend and by 15 s at least", async () => {
  const id = await t.create({ timeout: 1000 });
  const timeout = await t.call("POST", `/sandboxes/${id}/timeout`, { timeout: 5 });
  expect([timeout.status, timeout.body]).toEqual([204, undefined]);
  expect((await recordOf(id)).endAtMs).toBeLessThan(Date.now() + 5_001);
  expect((await t.call("POST", `/sandboxes/${id}/refreshes`, { duration: 1 })).status).toBe(204);
  const { endAtMs } = await recordOf(id);
  expect(endAtMs).toBeGreaterThan(Date.now() + 14_000);
  await t.call("POST", `/sandboxes/${id}/refreshes`);
  expect((await recordOf(id)).endAtMs).toBeLessThan(Date.now() + 16_000);
  await t.call("POST", `/sandboxes/${id}/refreshes`, { duration: 100 });
  expect((await recordOf(id)).endAtMs).toBeGreaterThan(Date.now() + 99_000);
  expect((await t.call("POST", `/sandboxes/${id}/refreshes`, { duration: 3601 })).status).toBe(400);
  expect((await t.call("POST", `/sandboxes/${id}/refreshes`, "null")).status).toBe(400);
  expect((await t.call("POST", `/sandboxes/${id}/timeout`, {})).status).toBe(400);
  expect((await t.call("POST", `/sandboxes/${id}/timeout`, { timeout: 90_000 })).status).toBe(400);
  expect((await t.call("POST", "/sandboxes/nope/timeout", { timeout: 1 })).status).toBe(404);
  // Below zero is now.
  await t.call("POST", `/sandboxes/${id}/timeout`, { timeout: -1 });
  await until("the sandbox ended", async () => (await recordOf(id)).state === "ended");
});

test("the end is capped at the team's maximum length from the start", async () => {
  const team = await t.store.teams.ensure("default");
  await t.store.teams.update(team.id, { limits: { maxLengthMs: 10_000 }, blocked: false });
  const id = await t.create({ timeout: 10 });
  const { startedAtMs, endAtMs } = await recordOf(id);
  expect(endAtMs).toBe(startedAtMs + 10_000);
  await t.call("POST", `/sandboxes/${id}/timeout`, { timeout: 10 });
  await t.call("POST", `/sandboxes/${id}/refreshes`, { duration: 3600 });
  expect((await recordOf(id)).endAtMs).toBe(endAtMs);
  const long = await t.call("POST", `/sandboxes/${id}/timeout`, { timeout: 11 });
  expect(long.status).toBe(400);
});

test("50 connects and 50 timeouts at once leave one consistent end", async () => {
  const id = await t.create({ timeout: 10 });
  const connects = await times(50, (i) =>
    t.call("POST", `/v2/sandboxes/${id}/connect`, { timeout: 100 + i }),
  );
  expect(new Set(connects.map((answer) => answer.status))).toEqual(new Set([200]));
  expect((await recordOf(id)).endAtMs).toBeGreaterThan(Date.now() + 147_000);
  const timeouts = await times(50, (i) => t.call("POST", `/sandboxes/${id}/timeout`, { timeout: 200 + i }));
  expect(new Set(timeouts.map((answer) => answer.status))).toEqual(new Set([204]));
  expect(t.api.listRunning()[0]?.endAtMs).toBe((await recordOf(id)).endAtMs);
  const mixed = await times(50, (i) =>
    i % 2 === 0
      ? t.call("DELETE", `/sandboxes/${id}`)
      : t.call("POST", `/v2/sandboxes/${id}/connect`, { timeout: 10 }),
  );
  for (const [index, answer] of mixed.entries()) {
    expect(index % 2 === 0 ? [204, 404] : [200, 404, 409]).toContain(answer.status);
  }
  expect(mixed.some((answer, index) => index % 2 === 0 && answer.status === 204)).toBe(true);
  expect(t.node.sandboxes.size).toBe(0);
  expect(await recordOf(id)).toMatchObject({ state: "ended", endReason: "killed" });
});

test("sandboxes end within 100 ms of their time, however it was set", async () => {
  const [first, extended, shortened] = [
    await t.create({ timeout: 1 }),
    await t.create({ timeout: 1 }),
    await t.create({ timeout: 600 }),
  ];
  await t.call("POST", `/v2/sandboxes/${extended}/connect`, { timeout: 2 });
  await t.call("POST", `/sandboxes/${shortened}/timeout`, { timeout: 1 });
  const lateMs: number[] = [];
  for (const id of [first, shortened, extended]) {
    await until(`${id} ended`, async () => (await recordOf(id)).state === "ended");
    const { endAtMs, endedAtMs = 0, endReason } = await recordOf(id);
    expect(endReason).toBe("timeout");
    lateMs.push(endedAtMs - endAtMs);
  }
  // The least of them: the others tell how busy the machine is.
  expect(Math.min(...lateMs)).toBeGreaterThanOrEqual(0);
  expect(Math.min(...lateMs)).toBeLessThan(100);
  expect(t.node.sandboxes.size).toBe(0);
});

test("an exit that the node reports ends the record with its code, and tells the edge", async () => {
  const id = await t.create();
  const gone: string[] = [];
  const stop = t.api.directory.onGone((sandboxId) => gone.push(sandboxId));
  await until("the API watches", () => t.node.watcherCount === 1);
  t.node.exit(id, 3);
  await until("the record ended", async () => (await recordOf(id)).state === "ended");
  expect(await recordOf(id)).toMatchObject({ endReason: "exited", exitCode: 3 });
  expect(gone).toEqual([id]);
  expect(t.api.directory.lookup(id)).toBeUndefined();
  expect((await t.call("GET", `/sandboxes/${id}`)).status).toBe(404);
  stop();
  await t.call("DELETE", `/sandboxes/${await t.create()}`);
  expect(gone).toHaveLength(1);
});

test("an exit during the create is recorded after it", async () => {
  await until("the API watches", () => t.node.watcherCount === 1);
  const created = t.create();
  await until("the sandbox is on the node", () => t.node.sandboxes.size === 1);
  const id = [...t.node.sandboxes.keys()][0] ?? "";
  t.node.exit(id, 1);
  expect(await created).toBe(id);
  await until("the record ended", async () => (await recordOf(id)).state === "ended");
});

test("another team's sandbox is not there", async () => {
  const id = await t.create();
  const team = await t.store.teams.ensure("other");
  const { key } = await t.store.apiKeys.create(team.id, "k");
  const init = { headers: { "x-api-key": key } };
  for (const [method, path, body] of [
    ["GET", `/sandboxes/${id}`, undefined],
    ["DELETE", `/sandboxes/${id}`, undefined],
    ["POST", `/v2/sandboxes/${id}/connect`, {}],
    ["POST", `/sandboxes/${id}/timeout`, { timeout: 1 }],
    ["POST", `/sandboxes/${id}/refreshes`, {}],
    ["GET", `/sandboxes/${id}/metrics`, undefined],
  ] as const) {
    expect((await t.call(method, path, body, init)).status).toBe(404);
  }
  expect((await t.call("GET", "/v2/sandboxes", undefined, init)).body).toEqual([]);
  expect((await recordOf(id)).state).toBe("running");
});

test("signed URLs find their sandbox by the token that made them", async () => {
  const [first, second] = [await t.create(), await t.create()];
  await t.call("POST", "/sandboxes", { templateID: "base", secure: false });
  const access = { path: "/a b", operation: "read", username: "user", expiration: 99 } as const;
  const signature = fileSignature(access, envdAccessToken("seed", second));
  expect(t.api.directory.findBySignature(access, signature)).toBe(second);
  expect(t.api.directory.findBySignature({ ...access, path: "/b" }, signature)).toBeUndefined();
  expect(t.api.directory.lookup(first)).toMatchObject({ sandboxId: first, hostAddress: "10.11.0.1" });
  await t.call("DELETE", `/sandboxes/${second}`);
  expect(t.api.directory.findBySignature(access, signature)).toBeUndefined();
});
