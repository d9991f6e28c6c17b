import { expect, test } from "vitest";
import { hostAddress, sandboxId, send, sendRaw, startEdge, startService, to } from "./testing/harness.ts";

const echoHost = await startService((request, response) => {
  response.end(JSON.stringify({ host: request.headers.host, url: request.url, method: request.method }));
});

test.each([
  ["localhost", true],
  ["127.0.0.1:49983", true],
  ["[::1]:49983", true],
  ["sandbox.example.com", true],
  ["sandbank:49983", true],
  ["edge.internal.example.com", true],
])("routing headers decide on Host %s", async (host) => {
  await using edge = await startEdge();
  const answer = await send(edge, { path: "/a?b=c", headers: { host, ...to(echoHost.port) } });
  expect(answer.status).toBe(200);
  expect(JSON.parse(answer.body)).toEqual({ host, url: "/a?b=c", method: "GET" });
});

test.each([
  [`PORT-${sandboxId}.localhost:49983`],
  [`PORT-${sandboxId}.example.com`],
  [`PORT-${sandboxId.toUpperCase()}.Example.Com`],
  [`PORT-${sandboxId}-6532622b.example.com`],
])("the host name %s decides", async (pattern) => {
  await using edge = await startEdge();
  const host = pattern.replace("PORT", String(echoHost.port));
  const answer = await send(edge, { headers: { host } });
  expect(answer.status).toBe(200);
  expect(JSON.parse(answer.body)).toMatchObject({ host });
});

test("the host name wins over the headers", async () => {
  await using edge = await startEdge();
  const host = `${echoHost.port}-${sandboxId}.example.com`;
  expect((await send(edge, { headers: { host, ...to(1, "iother") } })).status).toBe(200);
});

test("an id with an old client's suffix is the same sandbox", async () => {
  await using edge = await startEdge();
  const answer = await send(edge, { headers: to(echoHost.port, `${sandboxId}-6532622b`) });
  expect(answer.status).toBe(200);
});

test.each([
  [{ "E2b-Sandbox-Port": "80" }, "E2b-Sandbox-Id is missing"],
  [{ "E2b-Sandbox-Id": sandboxId }, "E2b-Sandbox-Port is missing"],
  [{ "E2b-Sandbox-Id": "No Such", "E2b-Sandbox-Port": "80" }, "Invalid sandbox id"],
  [{ "E2b-Sandbox-Id": sandboxId, "E2b-Sandbox-Port": "0" }, "Invalid port"],
  [{ "E2b-Sandbox-Id": sandboxId, "E2b-Sandbox-Port": "70000" }, "Invalid port"],
  [{ host: `70000-${sandboxId}.example.com` }, "Invalid port"],
  [{ host: "80-..example.com" }, "Invalid sandbox id"],
  [{ host: "localhost" }, "names no sandbox"],
  [{ host: "nodots" }, "names no sandbox"],
])("a request with %j is refused in plain text", async (headers, text) => {
  await using edge = await startEdge();
  const answer = await send(edge, { headers: headers });
  expect(answer.status).toBe(400);
  expect(answer.headers["content-type"]).toMatch(/^text\/plain/);
  expect(answer.body).toContain(text);
});

test("the edge answers its own health check, and hands a sandbox's on", async () => {
  await using edge = await startEdge();
  expect((await send(edge, { path: "/health" })).status).toBe(204);
  expect((await send(edge, { path: "/health", headers: to(echoHost.port) })).body).toContain("/health");
});

test("a whole URL as request target reaches the same path", async () => {
  await using edge = await startEdge();
  const headers = `E2b-Sandbox-Id: ${sandboxId}\nE2b-Sandbox-Port: ${echoHost.port}`;
  const answer = await sendRaw(
    edge,
    `GET http://example.com/p?q HTTP/1.1\nHost: localhost\nConnection: close\n${headers}\n\n`,
  );
  expect(answer).toContain('"url":"/p?q"');
});

test.each([
  ["GET", "read"],
  ["HEAD", "read"],
  ["POST", "write"],
])("a signed file URL finds its sandbox: %s", async (method, operation) => {
  await using edge = await startEdge();
  await using envd = await startService((request, response) => response.end(request.url), 49_983);
  edge.directory.signatures.set("v1_a+b/c", sandboxId);
  const query = new URLSearchParams({
    path: "/ä b",
    username: "user",
    signature: "v1_a+b/c",
    signature_expiration: "99",
  });
  const answer = await send(edge, { method, path: `/files?${query.toString()}` });
  expect(answer.status).toBe(200);
  expect(envd.connections()).toBe(1);
  expect(edge.directory.asked).toEqual([{ path: "/ä b", operation, username: "user", expiration: 99 }]);
});

test("a signature that no sandbox made is 401; with routing headers the directory is not asked", async () => {
  await using edge = await startEdge();
  await using envd = await startService((_, response) => response.end("envd"), 49_983);
  const answer = await send(edge, { path: "/files?path=x&signature=v1_no" });
  expect(answer.status).toBe(401);
  expect(JSON.parse(answer.body)).toMatchObject({
    code: 401,
    message: expect.stringContaining("invalid signature"),
  });
  const routed = await send(edge, { path: "/files?path=x&signature=v1_no", headers: to(envd.port) });
  expect(routed.body).toBe("envd");
  expect(edge.directory.asked).toHaveLength(1);
});

test("the sandbox is reached at its host address", async () => {
  await using edge = await startEdge();
  edge.directory.add({ sandboxId: "iother", hostAddress: "127.0.0.3" });
  await using service = await startService((request, response) => response.end(request.socket.localAddress));
  expect((await send(edge, { headers: to(service.port) })).body).toBe(hostAddress);
  expect((await send(edge, { headers: to(service.port, "iother") })).status).toBe(502);
});
