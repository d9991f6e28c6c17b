import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SecretBox } from "./secret-box.ts";
import { TestApi } from "./testing/test-api.ts";
import { placeOf } from "./use-cases/secrets.ts";

const box = new SecretBox("5a".repeat(32));

let t: TestApi;
beforeEach(async () => {
  t = await TestApi.start();
});
afterEach(() => t.close());

const create = (body: object) => t.call("POST", "/secrets", body);

test("a secret is kept encrypted, told of without its value, found by id and by name", async () => {
  const value = "correct horse battery staple";
  const made = await create({ name: "Api.Key", value, metadata: { env: "prod" } });
  expect(made.status).toBe(201);
  expect(made.body).toEqual({
    secretID: expect.stringMatching(/^sec_[a-z0-9]{20}$/) as string,
    name: "api.key",
    currentVersion: 1,
    metadata: { env: "prod" },
    createdAt: expect.any(String) as string,
    updatedAt: made.body["createdAt"],
  });
  const id = String(made.body["secretID"]);
  for (const path of [`/secrets/${id}`, "/secrets/api.key", "/secrets/API.KEY"]) {
    expect((await t.call("GET", path)).body).toEqual(made.body);
  }
  for (const file of ["test.db", "test.db-wal"]) {
    expect((await readFile(join(t.directory, file))).includes(value)).toBe(false);
  }
  const [version] = await t.store.secrets.versions(id);
  expect(box.open(version?.sealedValue ?? "", placeOf(id, 1))).toBe(value);
  expect(() => box.open(version?.sealedValue ?? "", placeOf(id, 2))).toThrow("decrypted");
  expect(() => new SecretBox("00".repeat(32)).open(version?.sealedValue ?? "", placeOf(id, 1))).toThrow();
  expect(() => new SecretBox("00")).toThrow("64 hex digits");
});

test("updates add versions, also at once; metadata stay unless given; the oldest versions go", async () => {
  const id = String((await create({ name: "k", value: "v1", metadata: { a: "1" } })).body["secretID"]);
  const second = await t.call("POST", "/secrets/k", { value: "v2" });
  expect(second.body).toMatchObject({ currentVersion: 2, metadata: { a: "1" } });
  const third = await t.call("POST", `/secrets/${id}`, { value: "v3", metadata: {} });
  expect(third.body).toMatchObject({ currentVersion: 3, metadata: {} });
  await Promise.all(Array.from({ length: 110 }, () => t.call("POST", "/secrets/k", { value: "v" })));
  expect((await t.call("GET", "/secrets/k")).body["currentVersion"]).toBe(113);
  const versions = await t.store.secrets.versions(id);
  expect([versions.length, versions[0]?.version, versions.at(-1)?.version]).toEqual([100, 113, 14]);
});

test("names are unique in a team and its own; what is deleted is gone", async () => {
  await create({ name: "k", value: "1" });
  expect((await create({ name: "K", value: "2" })).status).toBe(409);
  const other = await t.api.tenants.createTeam("acme", "Acme");
  const { key } = await t.api.tenants.createKey(other.id, "first");
  const headers = { headers: { "x-api-key": key } };
  for (const method of ["GET", "DELETE"]) {
    expect((await t.call(method, "/secrets/k", undefined, headers)).status).toBe(404);
  }
  expect((await t.call("POST", "/secrets/k", { value: "x" }, headers)).status).toBe(404);
  expect((await t.call("POST", "/secrets", { name: "k", value: "1" }, headers)).status).toBe(201);
  const id = String((await t.call("GET", "/secrets/k")).body["secretID"]);
  expect((await t.call("DELETE", "/secrets/k")).status).toBe(204);
  expect((await t.call("DELETE", "/secrets/k")).status).toBe(404);
  expect(await t.store.secrets.versions(id)).toEqual([]);
});

test("pages are complete and newest first", async () => {
  for (let i = 0; i < 5; i++) await create({ name: `k${i}`, value: "v" });
  const seen: string[] = [];
  let token = "";
  do {
    const page = await t.call("GET", `/secrets?limit=2&nextToken=${token}`);
    seen.push(...(page.body as unknown as { name: string }[]).map(({ name }) => name));
    token = page.headers.get("x-next-token") ?? "";
  } while (token !== "");
  expect(seen.toSorted()).toEqual(["k0", "k1", "k2", "k3", "k4"]);
});

test("limits: names, sizes, number", async () => {
  const many = Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`k${i}`, ""]));
  const large = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`k${i}`, "x".repeat(1000)]));
  const bad: object[] = [
    { name: "a b", value: "v" },
    { name: "sec_mine", value: "v" },
    { name: "", value: "v" },
    { name: "n" },
    { name: "n", value: "" },
    { name: "n", value: "x".repeat(65_537) },
    { name: "n", value: "v", metadata: many },
    { name: "n", value: "v", metadata: large },
    { name: "n", value: "v", metadata: { ["ä".repeat(65)]: "" } },
    { name: "n", value: "v", metadata: { a: "x".repeat(1025) } },
  ];
  for (const body of bad) expect([body, (await create(body)).status]).toEqual([body, 400]);
  expect((await t.call("GET", "/secrets")).body).toEqual([]);

  const team = await t.store.teams.ensure("default");
  const base = { teamId: team.id, metadata: {}, currentVersion: 1, createdAtMs: 1, updatedAtMs: 1 };
  for (let i = 0; i < 1000; i++) {
    await t.store.secrets.create({ ...base, id: `sec_${i}`, name: `n${i}` }, "sealed", 1000);
  }
  const refused = await create({ name: "one-more", value: "v" });
  expect([refused.status, refused.body["error_code"]]).toEqual([409, "secret_limit_reached"]);
});
