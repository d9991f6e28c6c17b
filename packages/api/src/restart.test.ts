import { afterEach, beforeEach, expect, test } from "vitest";
import { poll } from "@sandbank/core/deadline";
import { AppError } from "@sandbank/core/errors";
import { newSandboxId } from "@sandbank/core/ids";
import { createApi } from "./server.ts";
import { TestApi } from "./testing/test-api.ts";

let t: TestApi;
beforeEach(async () => {
  t = await TestApi.start();
});
afterEach(() => t.close());

async function until(what: string, condition: () => Promise<boolean> | boolean): Promise<void> {
  const met = await poll(async () => ((await condition()) ? true : undefined), { timeoutMs: 10_000 });
  if (!met) throw new Error(`never happened: ${what}`);
}

const stateOf = async (id: string): Promise<string | undefined> => (await t.store.sandboxes.get(id))?.state;

test("after a restart the same sandboxes are listed, routed and end in time", async () => {
  const ids = [await t.create({ timeout: 2 }), await t.create(), await t.create()];
  const routes = ids.map((id) => t.api.directory.lookup(id));
  const before = await t.call("GET", "/v2/sandboxes");
  await t.restart();
  expect((await t.call("GET", "/v2/sandboxes")).body).toEqual(before.body);
  expect(ids.map((id) => t.api.directory.lookup(id))).toEqual(routes);
  expect(t.node.sandboxes.size).toBe(3);
  await until("the first ended", async () => (await stateOf(ids[0] ?? "")) === "ended");
  const record = await t.store.sandboxes.get(ids[0] ?? "");
  expect(record?.endReason).toBe("timeout");
  // How late it may be is measured where the least of several is taken.
  expect((record?.endedAtMs ?? 0) - (record?.endAtMs ?? 0)).toBeLessThan(2_000);
  expect((await t.call("DELETE", `/sandboxes/${ids[1] ?? ""}`)).status).toBe(204);
});

test("time that ran out while the service was away ends the sandbox at once", async () => {
  const id = await t.create();
  await t.restart(async (store) => {
    await store.sandboxes.transition(id, "running", "running", { endAtMs: Date.now() - 1000 });
  });
  await until("it ended", async () => (await stateOf(id)) === "ended");
  expect((await t.store.sandboxes.get(id))?.endReason).toBe("timeout");
});

test("ends that happened meanwhile are found: with the exit code if the node remembers, else lost", async () => {
  const [remembered, forgotten, alive] = [await t.create(), await t.create(), await t.create()];
  await t.restart(() => {
    t.node.exitUnseen({ sandboxId: remembered, kind: "exited", exitCode: 7 }, true);
    t.node.exitUnseen({ sandboxId: forgotten, kind: "exited" }, false);
  });
  expect(await t.store.sandboxes.get(remembered)).toMatchObject({
    state: "ended",
    endReason: "exited",
    exitCode: 7,
  });
  expect(await t.store.sandboxes.get(forgotten)).toMatchObject({
    state: "ended",
    endReason: "lost",
    exitCode: undefined,
  });
  expect(t.api.listRunning().map((sandbox) => sandbox.route.sandboxId)).toEqual([alive]);
});

test("a create that a dead process left is undone, a kill that it began is finished", async () => {
  const [template, killing] = [await t.create(), await t.create()];
  const record = await t.store.sandboxes.get(template);
  await t.call("DELETE", `/sandboxes/${template}`);
  const creating = newSandboxId();
  await t.restart(async (store) => {
    if (record)
      await store.sandboxes.reserve({ ...record, id: creating, state: "creating" }, { maxSandboxes: 20 });
    t.node.plant(creating);
    await store.sandboxes.transition(killing, "running", "killing", { endReason: "timeout" });
  });
  expect(await stateOf(creating)).toBeUndefined();
  expect(await t.store.sandboxes.get(killing)).toMatchObject({ state: "ended", endReason: "timeout" });
  expect(t.node.sandboxes.size).toBe(0);
});

test("what the node runs and the store does not know is killed; what is being created is not", async () => {
  const orphan = newSandboxId();
  t.node.plant(orphan);
  const known = await t.create();
  await t.api.reconcile();
  expect([...t.node.sandboxes.keys()]).toEqual([known]);
  expect(t.api.eventCounts.orphan_killed).toBe(1);

  // The node has it, the store still says "creating": the comparison must wait for nobody and kill nothing.
  const atNode = Promise.withResolvers<void>();
  t.node.beforeCreate = () => {
    t.node.plant(t.node.configs.at(-1)?.sandboxId ?? "");
    return atNode.promise;
  };
  const created = t.create();
  await until("the create reached the node", () => t.node.sandboxes.size === 2);
  await t.api.reconcile();
  expect(t.node.sandboxes.size).toBe(2);
  atNode.resolve();
  await created;

  // Created and finished between the two halves of a comparison.
  t.node.beforeCreate = () => undefined;
  let late = "";
  t.node.beforeList = async () => {
    t.node.beforeList = () => undefined;
    late = await t.create();
  };
  await t.api.reconcile();
  expect(await stateOf(late)).toBe("running");
  expect(t.node.sandboxes.has(late)).toBe(true);
  expect(t.api.eventCounts.repair_failed).toBeUndefined();
});

test("a node that does not answer changes nothing, and stops nothing from starting", async () => {
  const id = await t.create();
  const down = (): void => {
    throw new AppError({ code: "unavailable", message: "connection refused" });
  };
  await t.restart(() => {
    t.node.beforeList = down;
  });
  expect((await t.call("GET", `/sandboxes/${id}`)).status).toBe(200);
  expect(t.api.eventCounts.repair_failed).toBe(1);
});

test("closing waits for a create whose client has gone", async () => {
  const gate = Promise.withResolvers<void>();
  t.node.beforeCreate = () => gate.promise;
  const abort = new AbortController();
  const request = t.call("POST", "/v2/sandboxes", { templateID: "base" }, { signal: abort.signal });
  await until("the create reached the node", () => t.node.configs.length === 1);
  abort.abort();
  await expect(request).rejects.toThrow();
  const restarted = t.restart();
  gate.resolve();
  await restarted;
  const id = t.node.configs[0]?.sandboxId ?? "";
  expect(await stateOf(id)).toBe("running");
  expect(t.api.directory.lookup(id)).toBeDefined();
});

test("the first key is given once; registering a build again changes nothing", async () => {
  expect(t.key).toMatch(/^e2b_[0-9a-f]{40}$/);
  expect(await t.api.ensureDefaultTeamAndKey(t.key)).toBeUndefined();
  const before = await t.call("GET", `/templates/${t.manifest.templateId}`);
  await t.api.registerBuild(t.manifest, { names: ["base"] });
  const after = await t.call("GET", `/templates/${t.manifest.templateId}`);
  expect({ ...after.body, updatedAt: "", builds: [] }).toEqual({ ...before.body, updatedAt: "", builds: [] });
  expect(after.body["builds"]).toHaveLength(1);
});

test("a port that is taken is named", async () => {
  const { port } = new URL(t.url);
  const other = await createApi({
    store: t.store,
    node: t.node.client(),
    volumes: t.volumes.client(),
    secretsKey: "5a".repeat(32),
    tokenSeed: "seed",
    domain: null,
  });
  await expect(other.listen({ host: "127.0.0.1", port: Number(port) })).rejects.toThrow(
    `the API can't listen on 127.0.0.1:${port}`,
  );
  await other.close();
});

test("a close waits for the request that is under way, and not for its connection, which its client keeps", async () => {
  const gate = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  t.node.beforeCreate = () => {
    begun.resolve();
    return gate.promise;
  };
  const created = t.create();
  await begun.promise;
  const restarted = t.restart();
  gate.resolve();
  const id = await created;
  await restarted;
  expect(await stateOf(id)).toBe("running");
});
