import { afterEach, beforeEach, expect, test } from "vitest";
import { TestApi, type TestAnswer, manifestOf } from "./testing/test-api.ts";

let t: TestApi;
beforeEach(async () => {
  t = await TestApi.start();
});
afterEach(() => t.close());

const as = (key: string): RequestInit => ({ headers: { "x-api-key": key } });

async function secondTeam(): Promise<{ key: string; teamId: string }> {
  const team = await t.api.tenants.createTeam("acme", "Acme");
  return { key: (await t.api.tenants.createKey(team.id, "first")).key, teamId: team.id };
}

const keys = (answer: TestAnswer): Record<string, unknown>[] =>
  answer.body as unknown as Record<string, unknown>[];

test("a key made through the API works at once, is listed masked, and is dead at once when deleted", async () => {
  const made = await t.call("POST", "/api-keys", { name: "ci" });
  expect(made.status).toBe(201);
  const key = String(made.body["key"]);
  expect(key).toMatch(/^e2b_[0-9a-f]{40}$/);
  expect((await t.call("GET", "/sandboxes", undefined, as(key))).status).toBe(200);

  const [first, second] = keys(await t.call("GET", "/api-keys"));
  expect(first).toMatchObject({ name: "local key", createdBy: null });
  expect(second).toMatchObject({
    id: made.body["id"],
    name: "ci",
    createdBy: { id: first?.["id"], email: null },
    lastUsed: expect.stringMatching(/Z$/) as string,
    mask: { prefix: "e2b_", valueLength: 40, maskedValueSuffix: key.slice(-4) },
  });
  expect(JSON.stringify(second)).not.toContain(key.slice(4));

  const path = `/api-keys/${String(made.body["id"])}`;
  expect((await t.call("PATCH", path, { name: "nightly" })).status).toBe(200);
  expect(keys(await t.call("GET", "/api-keys"))[1]?.["name"]).toBe("nightly");
  expect((await t.call("DELETE", path)).status).toBe(204);
  expect((await t.call("DELETE", path)).status).toBe(404);
  expect((await t.call("PATCH", path, { name: "x" })).status).toBe(404);
  expect((await t.call("GET", "/sandboxes", undefined, as(key))).status).toBe(401);
});

test("names of keys are checked", async () => {
  for (const body of [{}, { name: "" }, { name: "x".repeat(129) }]) {
    expect((await t.call("POST", "/api-keys", body)).status).toBe(400);
  }
  expect((await t.call("DELETE", "/api-keys/nonsense")).status).toBe(400);
});

test("GET /teams takes the key as a bearer token", async () => {
  const response = await fetch(`${t.url}/teams`, { headers: { authorization: `Bearer ${t.key}` } });
  expect(await response.json()).toEqual([
    { teamID: expect.any(String) as string, name: "default", apiKey: t.key, isDefault: true },
  ]);
  const wrong = await fetch(`${t.url}/teams`, { headers: { authorization: "Bearer e2b_00" } });
  expect(wrong.status).toBe(401);
});

test("nothing of one team is found by another", async () => {
  const acme = await secondTeam();
  const id = await t.create();
  const manifest = manifestOf();
  await t.api.registerBuild(manifest, { names: ["default/private"], public: false });
  const [own] = keys(await t.call("GET", "/api-keys"));
  const calls: [method: string, path: string, body?: unknown][] = [
    ["GET", `/sandboxes/${id}`],
    ["DELETE", `/sandboxes/${id}`],
    ["POST", `/sandboxes/${id}/timeout`, { timeout: 1 }],
    ["POST", `/sandboxes/${id}/refreshes`, {}],
    ["POST", `/v2/sandboxes/${id}/connect`, {}],
    ["POST", `/sandboxes/${id}/connect`, { timeout: 1 }],
    ["GET", `/templates/${manifest.templateId}`],
    ["DELETE", `/api-keys/${String(own?.["id"])}`],
    ["PATCH", `/api-keys/${String(own?.["id"])}`, { name: "mine" }],
    ["POST", "/v2/sandboxes", { templateID: manifest.templateId }],
    ["POST", "/v2/sandboxes", { templateID: "default/private" }],
  ];
  for (const [method, path, body] of calls) {
    expect([path, (await t.call(method, path, body, as(acme.key))).status]).toEqual([path, 404]);
  }
  expect((await t.call("GET", "/v2/sandboxes", undefined, as(acme.key))).body).toEqual([]);
  expect((await t.call("GET", `/sandboxes/${id}`)).status).toBe(200);
  // The public template is everybody's.
  expect((await t.call("POST", "/v2/sandboxes", { templateID: "base" }, as(acme.key))).status).toBe(201);
});

test("a blocked team is refused until it is let in again", async () => {
  const acme = await secondTeam();
  await t.api.tenants.changeTeam("acme", { blocked: true });
  expect((await t.call("GET", "/teams", undefined, as(acme.key))).status).toBe(403);
  await t.api.tenants.changeTeam(acme.teamId, { blocked: false });
  expect((await t.call("GET", "/teams", undefined, as(acme.key))).status).toBe(200);
});

test("a lost or revoked local key is replaced, a living one kept", async () => {
  expect(await t.api.ensureDefaultTeamAndKey(t.key)).toBeUndefined();
  expect(await t.api.ensureDefaultTeamAndKey("e2b_00")).toMatch(/^e2b_/);
  const acme = await secondTeam();
  expect(await t.api.ensureDefaultTeamAndKey(acme.key)).toMatch(/^e2b_/);
});

test("limits of a team: own ones over defaults, null goes back", async () => {
  await secondTeam();
  await t.api.tenants.changeTeam("acme", { limits: { maxSandboxes: 3, maxCpuCount: 8 } });
  const changed = await t.api.tenants.changeTeam("acme", { limits: { maxSandboxes: null } });
  expect(changed.limits).toEqual({ maxCpuCount: 8 });
  expect(changed.effectiveLimits).toMatchObject({ maxSandboxes: 20, maxCpuCount: 8 });
  await expect(t.api.tenants.createTeam("acme", "again")).rejects.toMatchObject({ code: "already_exists" });
  await expect(t.api.tenants.changeTeam("none", {})).rejects.toMatchObject({ code: "not_found" });
});
