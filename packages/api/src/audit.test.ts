import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { AuditEntry } from "./audit.ts";
import { TestApi } from "./testing/test-api.ts";

let api: TestApi;
let entries: AuditEntry[];

beforeEach(async () => {
  entries = [];
  api = await TestApi.start({ audit: { write: (entry) => entries.push(entry) } });
});
afterEach(() => api.close());

test("who did what to which sandbox, from where, and how it went; reading is not written down", async () => {
  const id = await api.create();
  await api.call("GET", `/sandboxes/${id}`);
  await api.call("POST", `/sandboxes/${id}-client/timeout`, { timeout: 60 });
  await api.call("DELETE", `/sandboxes/${id}`);
  await api.call("DELETE", `/sandboxes/${id}`);
  await vi.waitFor(() => expect(entries).toHaveLength(4), 10_000);
  const record = await api.store.sandboxes.get(id);
  const actor = { kind: "key", id: expect.any(String), teamId: record?.teamId };
  const common = { actor, sandboxId: id, address: "127.0.0.1" };
  expect(entries).toMatchObject([
    { ...common, action: "createSandboxV2", outcome: "done", detail: { status: 201 } },
    { ...common, action: "setSandboxTimeout", outcome: "done", detail: { status: 204 } },
    { ...common, action: "killSandbox", outcome: "done", detail: { status: 204 } },
    { ...common, action: "killSandbox", outcome: "refused", detail: { status: 404 } },
  ]);
});

test("what the operator does is written down, what a limit or the door refuses is not", async () => {
  const operator = { "x-api-key": "", "x-admin-token": "operator" };
  const path = "/nodes/node-1";
  await api.call("POST", path, { status: "draining" }, { headers: operator });
  await api.call("POST", path, { status: "ready" }, { headers: { ...operator, "x-admin-token": "guess" } });
  await api.call("POST", path, { status: "ready" }, { headers: operator });
  await vi.waitFor(() => expect(entries).toHaveLength(2), 10_000);
  expect(entries[0]).toMatchObject({
    actor: { kind: "admin" },
    target: { nodeID: "node-1" },
    address: "127.0.0.1",
    outcome: "done",
  });
  const limited = await TestApi.start({
    limits: { maxSandboxes: 1 },
    audit: { write: (entry) => entries.push(entry) },
  });
  await limited.create();
  const refused = await limited.call("POST", "/v2/sandboxes", { templateID: "base" });
  expect(refused.status).toBe(429);
  await limited.close();
  expect(entries.map(({ action }) => action).slice(2)).toEqual(["createSandboxV2"]);
});

test("ends that nobody asked for have the timeout or the system as actor", async () => {
  const exited = await api.create();
  api.node.exit(exited, 3);
  await vi.waitFor(() => expect(entries.some(({ action }) => action === "sandbox_ended")).toBe(true), 10_000);
  const timed = await api.create({ timeout: 1 });
  await vi.waitFor(() => expect(entries.filter(({ action }) => action === "sandbox_ended")).toHaveLength(2), {
    timeout: 5_000,
  });
  api.node.plant("i00000000000000000000");
  await api.api.reconcile();
  expect(entries.filter(({ actor }) => actor.kind !== "key")).toEqual([
    {
      actor: { kind: "system" },
      action: "sandbox_ended",
      sandboxId: exited,
      outcome: "done",
      detail: { reason: "exited", exitCode: 3 },
    },
    {
      actor: { kind: "timeout" },
      action: "sandbox_ended",
      sandboxId: timed,
      outcome: "done",
      detail: { reason: "timeout", exitCode: undefined },
    },
    {
      actor: { kind: "system" },
      action: "orphan_killed",
      sandboxId: "i00000000000000000000",
      outcome: "done",
    },
  ]);
});
