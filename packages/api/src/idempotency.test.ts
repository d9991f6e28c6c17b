import { afterEach, beforeEach, expect, test } from "vitest";
import { AppError } from "@sandbank/core/errors";
import { requestHash } from "./use-cases/create-once.ts";
import { TestApi, type TestAnswer } from "./testing/test-api.ts";

let t: TestApi;
beforeEach(async () => {
  t = await TestApi.start();
});
afterEach(() => t.close());

const body = { templateID: "base", metadata: { a: "1", b: "2" } };

const create = (key: string, wanted: unknown = body): Promise<TestAnswer> =>
  t.call("POST", "/v2/sandboxes", wanted, { headers: { "idempotency-key": key } });

test("a repeat gives the first answer, whatever the order of members, also after a restart and the sandbox's end", async () => {
  const first = await create("key-1");
  expect(first.status).toBe(201);
  const repeat = await create("key-1", { metadata: { b: "2", a: "1" }, templateID: "base" });
  expect([repeat.status, repeat.body]).toEqual([201, first.body]);
  await t.restart();
  expect((await create("key-1")).body).toEqual(first.body);
  await t.call("DELETE", `/sandboxes/${String(first.body["sandboxID"])}`);
  expect((await create("key-1")).body).toEqual(first.body);
  expect(t.node.configs).toHaveLength(1);
  expect((await create("key-2")).body["sandboxID"]).not.toBe(first.body["sandboxID"]);
});

test("another body under the same key is 422", async () => {
  await create("key");
  const other = await create("key", { templateID: "base" });
  expect([other.status, other.body["error_code"]]).toEqual([422, "idempotency_request_mismatch"]);
});

test("of 20 requests at once one creates and the rest join it", async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, () => create("burst")));
  expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([201]));
  expect(new Set(answers.map((answer) => answer.body["sandboxID"])).size).toBe(1);
  expect(t.node.sandboxes.size).toBe(1);
});

test("a failed create frees its key", async () => {
  t.node.beforeCreate = () => {
    throw new AppError({ code: "unavailable", reason: "sandbox_port_closed", message: "closed" });
  };
  expect((await create("key")).status).toBe(503);
  t.node.beforeCreate = () => undefined;
  expect((await create("key")).status).toBe(201);
});

test("a create that a killed process left half done answers 409 until it is taken back", async () => {
  const team = await t.store.teams.ensure("default");
  const id = await t.create();
  const record = await t.store.sandboxes.get(id);
  if (!record) throw new Error("no record");
  const claim = { key: "left", requestHash: requestHash(body), validSinceMs: 0 };
  const left = { ...record, id: "ileft", state: "creating" as const, createdAtMs: Date.now() };
  await t.store.sandboxes.reserve(left, {}, claim);
  const waiting = await create("left");
  expect([waiting.status, waiting.body["error_code"]]).toEqual([409, "idempotency_in_progress"]);
  expect(waiting.headers.get("retry-after")).toBe("1");
  expect(await t.store.sandboxes.reserve({ ...left, id: "iother" }, {}, claim)).toEqual({
    outcome: "claimed",
  });
  await t.store.sandboxes.forget("ileft");
  expect(await t.store.idempotency.find(team.id, "left", 0)).toBeUndefined();
});

test("keys are a team's own, and void after their time", async () => {
  const first = await create("key");
  const other = await t.store.teams.ensure("other");
  const { key } = await t.store.apiKeys.create(other.id, "second team");
  const foreign = await t.call("POST", "/v2/sandboxes", body, {
    headers: { "x-api-key": key, "idempotency-key": "key" },
  });
  expect(foreign.body["sandboxID"]).not.toBe(first.body["sandboxID"]);
  expect(await t.store.idempotency.find(other.id, "key", Date.now() + 1)).toBeUndefined();
});

test("malformed keys are refused", async () => {
  for (const key of ["UPPER", "a b", "x".repeat(256)]) {
    const answer = await create(key);
    expect(answer.status).toBe(400);
    expect(answer.body["message"]).toContain("idempotency-key");
  }
});
