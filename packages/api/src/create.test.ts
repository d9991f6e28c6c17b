import { afterEach, beforeEach, expect, test } from "vitest";
import { AppError } from "@sandbank/core/errors";
import { envdAccessToken, hashToken, trafficAccessToken } from "@sandbank/protocol/tokens";
import { TestApi, manifestOf } from "./testing/test-api.ts";

let t: TestApi;
beforeEach(async () => {
  t = await TestApi.start();
});
afterEach(() => t.close());

const seconds = (from: unknown, to: unknown): number =>
  (Date.parse(String(to)) - Date.parse(String(from))) / 1000;

test("v2 create answers 201 with everything that clients read", async () => {
  const body = {
    templateID: "base",
    metadata: { a: "b" },
    envVars: { X: "y" },
    timeout: 60,
    somethingNew: [1],
    mcp: null,
  };
  const created = await t.call("POST", "/v2/sandboxes", body);
  expect(created.status).toBe(201);
  const sandboxID = String(created.body["sandboxID"]);
  expect(sandboxID).toMatch(/^i[a-z0-9]{20}$/);
  expect(created.body).toEqual({
    templateID: t.manifest.templateId,
    sandboxID,
    clientID: "6532622b",
    envdVersion: "0.6.13",
    alias: "base",
    isolation: "gvisor",
    envdAccessToken: envdAccessToken("seed", sandboxID),
    trafficAccessToken: null,
    domain: "localhost:49983",
  });
  expect(t.node.configs[0]).toMatchObject({
    sandboxId: sandboxID,
    templateId: t.manifest.templateId,
    buildId: t.manifest.buildId,
    cpuCount: 2,
    memoryMib: 512,
    diskMib: 1024,
    envVars: { X: "y" },
    envdAccessToken: envdAccessToken("seed", sandboxID),
  });
  expect(t.node.configs[0]?.trafficAccessToken).toBeUndefined();
  const detail = await t.call("GET", `/sandboxes/${sandboxID}-6532622b`);
  expect(detail.body).toMatchObject({
    state: "running",
    cpuCount: 2,
    memoryMB: 512,
    diskSizeMB: 1024,
    metadata: { a: "b" },
    isolation: "gvisor",
    lifecycle: { autoResume: false, onTimeout: "kill" },
    allowInternetAccess: null,
  });
  expect(seconds(detail.body["startedAt"], detail.body["endAt"])).toBe(60);
});

test("default timeouts: 15 s in v1, 300 s in v2; v1 is secured unless told otherwise", async () => {
  for (const [path, timeout] of [
    ["/sandboxes", 15],
    ["/v2/sandboxes", 300],
  ] as const) {
    const created = await t.call("POST", path, { templateID: "base" });
    expect(created.body["envdAccessToken"]).toBeTypeOf("string");
    const detail = await t.call("GET", `/sandboxes/${String(created.body["sandboxID"])}`);
    expect(seconds(detail.body["startedAt"], detail.body["endAt"])).toBe(timeout);
  }
  const open = await t.call("POST", "/sandboxes", { templateID: "base", secure: false });
  expect(open.body).not.toHaveProperty("envdAccessToken");
  expect(t.node.configs.at(-1)?.envdAccessToken).toBeUndefined();
});

test("private traffic: token in the answer, its hash in the route", async () => {
  const network = { allowPublicTraffic: false };
  const created = await t.call("POST", "/v2/sandboxes", { templateID: "base", network });
  const id = String(created.body["sandboxID"]);
  const token = trafficAccessToken("seed", id);
  expect(created.body["trafficAccessToken"]).toBe(token);
  expect(t.node.configs[0]?.trafficAccessToken).toBe(token);
  expect(t.api.directory.lookup(id)?.trafficTokenHash).toBe(hashToken(token));
  const again = await t.call("POST", `/v2/sandboxes/${id}/connect`, {});
  expect(again.body).toEqual(created.body);
  const insecure = await t.call("POST", "/sandboxes", { templateID: "base", network, secure: false });
  expect(insecure.status).toBe(400);
  expect(insecure.body["message"]).toContain("network.allowPublicTraffic");
});

test("incoming traffic: what the edge does to it is checked, kept and told to the node", async () => {
  const network = { maskRequestHost: "app-${PORT}.example.com:${PORT}", httpsPorts: [8443, 3000] };
  for (const path of ["/sandboxes", "/v2/sandboxes"]) {
    const created = await t.call("POST", path, { templateID: "base", network });
    expect(created.status).toBe(201);
    const id = String(created.body["sandboxID"]);
    expect((await t.call("GET", `/sandboxes/${id}`)).body["network"]).toEqual(network);
    expect(t.node.configs.at(-1)).toMatchObject(network);
    expect(t.api.directory.lookup(id)).toMatchObject(network);
  }
  for (const [wrong, what] of [
    [{ httpsPorts: [49_983] }, "httpsPorts can't have 49983"],
    [{ httpsPorts: [0] }, "httpsPorts"],
    [{ httpsPorts: [65_536] }, "httpsPorts"],
    [{ maskRequestHost: "a\r\nX: b" }, "maskRequestHost"],
    [{ maskRequestHost: "https://example.com" }, "maskRequestHost"],
    [{ maskRequestHost: "example.com/path" }, "maskRequestHost"],
  ] as const) {
    const refused = await t.call("POST", "/v2/sandboxes", { templateID: "base", network: wrong });
    expect(refused.status).toBe(400);
    expect(refused.body["message"]).toContain(what);
  }
  for (const mask of [
    "localhost",
    "localhost:${PORT}",
    "${PORT}-x.example.com",
    "[::1]:80",
    "10.0.0.1",
    null,
    "",
  ])
    await t.create({ network: { maskRequestHost: mask, httpsPorts: null } });
});

test("no internet: either way of asking", async () => {
  await t.create({ allow_internet_access: false });
  await t.create({ network: { denyOut: ["0.0.0.0/0"] } });
  await t.create({ allow_internet_access: true });
  expect(t.node.configs.map(({ egress }) => egress?.denyRanges)).toEqual([["0.0.0.0/0"], ["0.0.0.0/0"], []]);
});

test("options that nothing enforces yet are refused by name", async () => {
  for (const [body, field] of [
    [{ autoPause: true }, "autoPause"],
    [{ autoResume: { enabled: true } }, "autoResume"],
  ] as const) {
    const answer = await t.call("POST", "/v2/sandboxes", { templateID: "base", ...body });
    expect(answer.status).toBe(501);
    expect(answer.body["message"]).toBe(`The option ${field} is not available yet`);
  }
  await t.create({
    autoPause: false,
    autoResume: { enabled: false },
    network: { allowOut: [] },
    volumeMounts: [],
  });
});

test("templates are found by name, namespace, id and tag", async () => {
  const own = manifestOf();
  await t.api.registerBuild(own, { names: ["default/own"], tags: ["default", "v1.0"], public: false });
  for (const reference of [
    "base",
    "BASE",
    "base:default",
    t.manifest.templateId,
    "own",
    "default/own",
    "own:v1.0",
    `${own.templateId}:v1.0`,
  ]) {
    await t.create({ templateID: reference });
  }
  expect(t.node.configs.map((config) => config.templateId === own.templateId)).toEqual([
    false,
    false,
    false,
    false,
    true,
    true,
    true,
    true,
  ]);
  for (const reference of ["nope", "base:nope", "other/base", "0123"]) {
    const answer = await t.call("POST", "/v2/sandboxes", { templateID: reference });
    expect(answer.status).toBe(404);
    expect(answer.body["code"]).toBe(404);
    expect(answer.body["message"]).toContain(`Template "${reference}" was not found`);
  }
  const malformed = await t.call("POST", "/v2/sandboxes", { templateID: "a b" });
  expect(malformed.status).toBe(400);
  expect(malformed.body["message"]).toContain("validation error: templateID");
});

test("bad bodies are refused with 400, naming the field", async () => {
  const rejected: [unknown, string][] = [
    [{}, `body field "templateID" is required`],
    [{ templateID: 5 }, `body field "templateID" must be string`],
    [{ templateID: "base", timeout: "60" }, `body field "timeout" must be integer`],
    [{ templateID: "base", timeout: 0 }, `body field "timeout" must be >= 1`],
    [{ templateID: "base", metadata: { a: 1 } }, `body field "metadata.a" must be string`],
    [{ templateID: "base", envVars: { "A=B": "c" } }, `body field "envVars"`],
    [{ templateID: "base", network: { denyOut: [1] } }, `body field "network.denyOut.0" must be string`],
    [[], "body must be object"],
    ["{", "body is not valid JSON"],
    ["", "body is required"],
  ];
  for (const [body, message] of rejected) {
    for (const path of ["/sandboxes", "/v2/sandboxes"]) {
      const answer = await t.call("POST", path, body);
      expect(answer.status).toBe(400);
      expect(answer.body["code"]).toBe(400);
      expect(answer.body["message"]).toContain(`validation error: ${message}`);
    }
  }
  expect(t.node.configs).toHaveLength(0);
});

test("a timeout above the team's maximum is refused", async () => {
  const answer = await t.call("POST", "/v2/sandboxes", { templateID: "base", timeout: 24 * 3600 + 1 });
  expect(answer.status).toBe(400);
  expect(answer.body["message"]).toMatch(/^Timeout cannot be greater than 24 hours/);
  await t.create({ timeout: 24 * 3600 });
});

test("the limit of concurrent sandboxes holds under a burst, and frees with each end", async () => {
  const answers = await Promise.all(
    Array.from({ length: 30 }, () => t.call("POST", "/v2/sandboxes", { templateID: "base" })),
  );
  const created = answers.filter((answer) => answer.status === 201);
  const refused = answers.filter((answer) => answer.status === 429);
  expect([created.length, refused.length]).toEqual([20, 10]);
  expect(refused[0]?.body["message"]).toContain("20 concurrent sandboxes");
  expect(refused[0]?.body["message"]).toContain("maxSandboxes");
  expect(refused[0]?.headers.get("retry-after")).toBe("1");
  expect(t.node.sandboxes.size).toBe(20);
  await t.call("DELETE", `/sandboxes/${String(created[0]?.body["sandboxID"])}`);
  await t.create();
});

test("a failing layer is named, and nothing is left behind", async () => {
  t.node.beforeCreate = () => {
    throw new AppError({
      code: "unavailable",
      reason: "sandbox_port_closed",
      message: "the daemon's port stayed closed",
      detail: "console: secret",
    });
  };
  const answer = await t.call("POST", "/v2/sandboxes", { templateID: "base" });
  expect(answer.status).toBe(503);
  expect(answer.body).toEqual({
    code: 503,
    message: "The sandbox could not be started: the daemon's port stayed closed",
    error_code: "sandbox_port_closed",
  });
  expect(answer.headers.get("should-retry")).toBe("false");
  expect(t.node.kills).toHaveLength(1);
  expect(await t.store.sandboxes.inStates(["creating", "running", "killing", "ended"])).toEqual([]);

  // A node that does not know the build is our fault, not a missing template.
  t.node.beforeCreate = () => {
    throw new AppError({ code: "not_found", message: "no such build" });
  };
  const internal = await t.call("POST", "/v2/sandboxes", { templateID: "base" });
  expect(internal.body).toMatchObject({ code: 500, error_code: "sandbox_create_failed" });

  // Something unforeseen never shows its text.
  t.node.beforeCreate = () => {
    throw new Error("/secret/path");
  };
  const foreign = await t.call("POST", "/v2/sandboxes", { templateID: "base" });
  expect(foreign.body["code"]).toBe(500);
  expect(JSON.stringify(foreign.body)).not.toContain("/secret/path");
  expect(t.api.listRunning()).toEqual([]);
  expect(t.api.eventCounts.sandbox_create_failed).toBe(3);
});
