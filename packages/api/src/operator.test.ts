import { afterEach, beforeEach, expect, test } from "vitest";
import { TestApi, type TestAnswer } from "./testing/test-api.ts";

let t: TestApi;
beforeEach(async () => {
  t = await TestApi.start();
});
afterEach(() => t.close());

/** As the operator: without a key. */
const operate = (
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<TestAnswer> =>
  t.call(method, path, body, { headers: { "x-api-key": "", "x-admin-token": "operator", ...headers } });

test("operator routes want the admin token, and no key stands in for it", async () => {
  const routes: [method: string, path: string, body?: unknown][] = [
    ["GET", "/nodes"],
    ["GET", "/nodes/node-1"],
    ["POST", "/nodes/node-1", { status: "ready" }],
    ["GET", "/admin/sandboxes/running-counts"],
    ["POST", "/admin/teams/default/sandboxes/kill"],
    ["POST", "/admin/teams/default/builds/cancel"],
    ["POST", "/admin/teams/default/api-keys", { name: "x" }],
  ];
  for (const [method, path, body] of routes) {
    expect([path, (await t.call(method, path, body)).status]).toEqual([path, 401]);
    const wrong = await operate(method, path, body, { "x-admin-token": "guess" });
    expect([path, wrong.status]).toEqual([path, 401]);
  }
  const closed = await TestApi.start({ adminToken: undefined });
  const answer = await closed.call("GET", "/nodes", undefined, { headers: { "x-admin-token": "undefined" } });
  expect(answer.status).toBe(401);
  await closed.close();
});

test("nodes are shown with what they hold", async () => {
  const id = await t.create();
  const [node] = (await operate("GET", "/nodes")).body as unknown as Record<string, unknown>[];
  expect(node).toMatchObject({
    id: "node-1",
    status: "ready",
    sandboxCount: 1,
    createSuccesses: 1,
    metrics: { allocatedCPU: 2, allocatedMemoryBytes: 512 * 1024 * 1024 },
  });
  expect((await operate("GET", "/nodes/node-1")).body["sandboxIDs"]).toEqual([id]);
  expect((await operate("GET", "/nodes/other")).status).toBe(404);
  t.node.beforeList = () => {
    throw new Error("gone");
  };
  expect((await operate("GET", "/nodes/node-1")).body["status"]).toBe("unhealthy");
});

test("a draining node takes nothing new and keeps what it has, also after a restart", async () => {
  const id = await t.create();
  expect((await operate("POST", "/nodes/node-1", { status: "draining" })).status).toBe(204);
  await t.restart();
  const refused = await t.call("POST", "/v2/sandboxes", { templateID: "base" });
  expect([refused.status, refused.body["error_code"]]).toEqual([503, "sandbox_no_compatible_node"]);
  expect((await t.call("GET", "/health")).status).toBe(503);
  expect((await operate("GET", "/nodes/node-1")).body["status"]).toBe("draining");
  expect((await t.call("POST", `/v2/sandboxes/${id}/connect`, {})).status).toBe(200);
  await operate("POST", "/nodes/node-1", { status: "ready" });
  expect((await t.call("GET", "/health")).status).toBe(204);
  await t.create();
  expect((await operate("POST", "/nodes/node-1", { status: "standby" })).status).toBe(400);
  expect((await operate("POST", "/nodes/other", { status: "ready" })).status).toBe(404);
});

test("the operator ends a team's sandboxes, counts them, makes and deletes its keys", async () => {
  const acme = await t.api.tenants.createTeam("acme", "Acme");
  const made = await operate("POST", `/admin/teams/${acme.id}/api-keys`, { name: "first" });
  expect(made.status).toBe(201);
  const headers = { headers: { "x-api-key": String(made.body["key"]) } };
  for (let i = 0; i < 3; i++) await t.call("POST", "/v2/sandboxes", { templateID: "base" }, headers);
  const own = await t.create();
  const counts = await operate("GET", "/admin/sandboxes/running-counts");
  expect(counts.body[acme.id as unknown as number]).toBe(3);
  const killed = await operate("POST", `/admin/teams/${acme.id}/sandboxes/kill`);
  expect(killed.body).toEqual({ killedCount: 3, failedCount: 0 });
  expect([...t.node.sandboxes.keys()]).toEqual([own]);
  const keyPath = `/admin/teams/${acme.id}/api-keys/${String(made.body["id"])}`;
  expect((await operate("DELETE", keyPath)).status).toBe(204);
  expect((await operate("DELETE", keyPath)).status).toBe(404);
  expect((await t.call("GET", "/sandboxes", undefined, headers)).status).toBe(401);
  expect((await operate("POST", "/admin/teams/none/sandboxes/kill")).status).toBe(404);
});

test("with a team's id the operator acts for it", async () => {
  const team = await t.store.teams.ensure("default");
  const id = await t.create();
  const found = await operate("GET", `/sandboxes/${id}`, undefined, { "x-team-id": team.id });
  expect(found.status).toBe(200);
  expect((await operate("GET", `/sandboxes/${id}`)).status).toBe(401);
  expect((await operate("GET", "/sandboxes", undefined, { "x-team-id": "none" })).status).toBe(401);
});
