import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { defaultLimits } from "@sandbank/api/server";
import { Tenants } from "@sandbank/api/tenants";
import { silentLogger } from "@sandbank/core/logger";
import { type Store, openStore } from "@sandbank/store/store";
import { readLimits } from "../commands/team.ts";
import { AdminClient } from "./admin-client.ts";
import { startAdminServer } from "./admin-server.ts";
import { type KeyStatus, type TeamStatus, tenancyRoutes } from "./tenancy-routes.ts";

let directory: string;
let store: Store;
let client: AdminClient;
let close: () => void;

const unused = (): never => {
  throw new Error("not asked here");
};

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "sandbank-admin-"));
  store = await openStore({ path: ":memory:" });
  const socketPath = join(directory, "admin.sock");
  const handlers = { status: unused, sandboxes: unused, metrics: unused, shutdown: unused };
  const routes = tenancyRoutes(new Tenants(store, defaultLimits));
  const server = await startAdminServer(socketPath, handlers, routes, silentLogger);
  close = () => server.close();
  client = new AdminClient(socketPath);
  await store.teams.ensure("default");
});
afterEach(async () => {
  close();
  await store.close();
  await rm(directory, { recursive: true });
});

test("teams and keys are made, listed and refused over the socket", async () => {
  const team = (await client.call("POST", "/v1/teams", { slug: "acme", name: "Acme" })) as TeamStatus;
  expect(team).toMatchObject({ slug: "acme", name: "Acme", blocked: false, limits: {} });
  expect(team.effectiveLimits).toMatchObject({ maxSandboxes: 20, maxCpuCount: null });
  const made = (await client.call("POST", "/v1/api-keys", { name: "ci", team: "acme" })) as KeyStatus;
  expect((await store.apiKeys.authenticate(made.key ?? ""))?.team.slug).toBe("acme");
  const listed = (await client.call("GET", "/v1/api-keys?team=acme")) as KeyStatus[];
  expect(listed).toEqual([expect.objectContaining({ id: made.id, team: "acme", createdBy: null })]);
  expect(JSON.stringify(listed)).not.toContain(made.key);
  await client.call("DELETE", `/v1/api-keys/${made.id}`);
  expect(await store.apiKeys.authenticate(made.key ?? "")).toBeUndefined();
  expect((await client.call("GET", "/v1/teams")) as TeamStatus[]).toHaveLength(2);
});

test("limits are set in the units of the options, and taken back", async () => {
  const given = readLimits({ maxSandboxes: "3", maxSandboxHours: "2", team: "x" });
  expect(given).toEqual({ maxSandboxes: 3, maxLengthMs: 7_200_000 });
  await client.call("PATCH", "/v1/teams/default", { limits: given });
  const limits = readLimits({ maxSandboxes: "default" });
  const team = (await client.call("PATCH", "/v1/teams/default", { limits })) as TeamStatus;
  expect(team.limits).toEqual({ maxLengthMs: 7_200_000 });
  expect(() => readLimits({ maxCpus: "many" })).toThrow("--max-cpus");
});

test("errors arrive as the service made them", async () => {
  const codeOf = (method: string, path: string, body?: unknown): Promise<unknown> =>
    client.call(method, path, body).then(
      () => undefined,
      (error: unknown) => (error as { code: unknown }).code,
    );
  expect(await codeOf("POST", "/v1/teams", { slug: "Bad Slug" })).toBe("invalid_argument");
  expect(await codeOf("POST", "/v1/teams", { slug: "default" })).toBe("already_exists");
  expect(await codeOf("PATCH", "/v1/teams/none", {})).toBe("not_found");
  expect(await codeOf("PATCH", "/v1/teams/default", { limits: { maxCpuCount: 0 } })).toBe("invalid_argument");
  expect(await codeOf("DELETE", "/v1/api-keys/none")).toBe("not_found");
  expect(await codeOf("GET", "/v1/nothing")).toBe("not_found");
  expect(await codeOf("POST", "/v1/api-keys", { name: "x".repeat(100_000) })).toBe("invalid_argument");
  close();
  expect(
    await new AdminClient(join(directory, "gone.sock")).call("GET", "/v1/teams").catch(String),
  ).toContain("not running");
});
