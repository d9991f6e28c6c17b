import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Secret } from "e2b";
import { afterEach, beforeEach, expect, test } from "vitest";
import { TestApi } from "./testing/test-api.ts";

let t: TestApi;
beforeEach(async () => {
  t = await TestApi.start();
});
afterEach(() => t.close());

const rulesWith = (value: string) => ({
  rules: { "api.example.com": [{ transform: { headers: { Authorization: value } } }] },
});
const withKey = rulesWith(`Bearer ${Secret.fill("Api-Key")}`);

const addSecret = (name: string, value: string) => t.call("POST", "/secrets", { name, value });
const valuesOf = (id: string) => t.node.secrets.get(id)?.values;

test("a create hands the values of what its rules refer to to the node, and tells nobody else", async () => {
  await addSecret("api-key", "value-one");
  const byId = String((await addSecret("other", "value-two")).body["secretID"]);
  await addSecret("unused", "value-three");
  const id = await t.create({ network: rulesWith(`${Secret.fill("API-KEY")} ${Secret.fill(byId)}`) });
  expect(valuesOf(id)).toEqual({ "api-key": "value-one", [byId]: "value-two" });
  const detail = await t.call("GET", `/sandboxes/${id}`);
  expect(JSON.stringify(detail.body)).toContain("${e2b.secrets.API-KEY}");
  expect(JSON.stringify(detail.body)).not.toContain("value-");
  for (const file of ["test.db", "test.db-wal"]) {
    expect((await readFile(join(t.directory, file))).includes("value-")).toBe(false);
  }
  const plain = await t.create({ network: rulesWith("literal") });
  expect(valuesOf(plain)).toBeUndefined();
});

test("changes and deletions reach sandboxes that run, and only those that refer to the secret", async () => {
  await addSecret("api-key", "one");
  await addSecret("other", "x");
  const [id, other] = [
    await t.create({ network: withKey }),
    await t.create({ network: rulesWith(Secret.fill("other")) }),
  ];
  const before = t.node.secrets.get(other);
  expect((await t.call("POST", "/secrets/API-KEY", { value: "two" })).status).toBe(200);
  expect(valuesOf(id)).toEqual({ "api-key": "two" });
  expect((await t.call("DELETE", "/secrets/api-key")).status).toBe(204);
  expect(valuesOf(id)).toEqual({});
  expect(t.node.secrets.get(other)).toBe(before);
  await addSecret("api-key", "three");
  expect(valuesOf(id)).toEqual({ "api-key": "three" });
});

test("a replaced network brings its own secrets and takes the old ones away", async () => {
  await addSecret("api-key", "one");
  await addSecret("other", "x");
  const id = await t.create({ network: withKey });
  const put = (body: object) => t.call("PUT", `/sandboxes/${id}/network`, body);
  expect((await put(rulesWith(Secret.fill("other")))).status).toBe(204);
  expect(valuesOf(id)).toEqual({ other: "x" });
  expect((await put({})).status).toBe(204);
  expect(valuesOf(id)).toBeUndefined();
  await t.call("POST", "/secrets/other", { value: "y" });
  expect(valuesOf(id)).toBeUndefined();
});

test.each([
  ["a secret that is not there", Secret.fill("gone"), 'secret "gone"'],
  ["a secret that fits no header", Secret.fill("lines"), 'secret "lines"'],
  ["an identity token", "${e2b.identity.tokens.aws}", "${e2b.identity.tokens.aws}"],
])("%s is a 400, at a create and at an update", async (_what, value, says) => {
  await addSecret("lines", "hidden\nlines");
  const id = await t.create();
  for (const answer of [
    await t.call("POST", "/v2/sandboxes", { templateID: "base", network: rulesWith(value) }),
    await t.call("PUT", `/sandboxes/${id}/network`, rulesWith(value)),
  ]) {
    expect(answer.status).toBe(400);
    expect(answer.body["message"]).toContain(says);
    expect(answer.body["message"]).not.toContain("hidden");
  }
  expect(t.node.configs).toHaveLength(1);
});

test("another team's secret is not there", async () => {
  await addSecret("api-key", "one");
  const team = await t.api.tenants.createTeam("other", "Other");
  const { key } = await t.api.tenants.createKey(team.id, "k");
  const headers = { "x-api-key": key };
  const body = { templateID: "base", network: withKey };
  expect((await t.call("POST", "/v2/sandboxes", body, { headers })).status).toBe(400);
});

test("a node that forgot its secrets, or did not take them, is given them again", async () => {
  await addSecret("api-key", "one");
  const id = await t.create({ network: withKey });
  const plain = await t.create();
  t.node.secrets.clear();
  await t.restart();
  expect(valuesOf(id)).toEqual({ "api-key": "one" });
  t.node.beforeSetSecrets = () => {
    throw new Error("not now");
  };
  expect((await t.call("POST", "/secrets/api-key", { value: "two" })).status).toBe(200);
  expect(valuesOf(id)).toEqual({ "api-key": "one" });
  let handedOver = 0;
  t.node.beforeSetSecrets = () => {
    handedOver++;
  };
  await t.api.reconcile();
  await t.api.reconcile();
  expect([valuesOf(id), handedOver]).toEqual([{ "api-key": "two" }, 1]);
  expect(t.node.secrets.has(plain)).toBe(false);
});
