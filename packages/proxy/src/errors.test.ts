import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { hashToken } from "@sandbank/protocol/tokens";
import { expect, test, vi } from "vitest";
import {
  hostAddress,
  sandboxId,
  send,
  sendRaw,
  startEdge,
  startService,
  startTcpService,
  to,
} from "./testing/harness.ts";

const browser = { "user-agent": "Mozilla/5.0 (X11) Firefox/140.0" };

/** A port of the sandbox on which nobody listens. */
async function closedPort(): Promise<number> {
  const service = await startService(() => undefined);
  await service[Symbol.asyncDispose]();
  return service.port;
}

test("unknown sandbox", async () => {
  await using edge = await startEdge();
  const answer = await send(edge, { headers: to(80, "inosuch") });
  expect(answer.status).toBe(502);
  expect(answer.headers["content-type"]).toBe("application/json; charset=utf-8");
  expect(JSON.parse(answer.body)).toEqual({
    sandboxId: "inosuch",
    message: "The sandbox was not found",
    code: 502,
  });
});

test("closed port: five dials over a second, then the documented body", async () => {
  await using edge = await startEdge();
  const port = await closedPort();
  const started = performance.now();
  const answer = await send(edge, { method: "POST", headers: to(port), body: "x".repeat(300_000) });
  expect(performance.now() - started).toBeGreaterThan(950);
  expect(answer.status).toBe(502);
  expect(JSON.parse(answer.body)).toEqual({
    sandboxId,
    message: "The sandbox is running but port is not open",
    port,
    code: 502,
  });
});

test("a port that opens while the edge dials gets the request, body and all", async () => {
  await using edge = await startEdge();
  const port = await closedPort();
  const answer = send(edge, { method: "POST", headers: to(port), body: "later" });
  // The first dial has failed by the time that the second is due.
  const service = createServer((request, response) => request.pipe(response));
  setTimeout(() => service.listen(port, hostAddress), 150);
  expect(await answer).toMatchObject({ status: 200, body: "later" });
  service.close();
});

test("a client that leaves while the edge dials ends the dialling", async () => {
  await using edge = await startEdge();
  const port = await closedPort();
  const controller = new AbortController();
  const pending = fetch(`http://127.0.0.1:${edge.port}/`, { headers: to(port), signal: controller.signal });
  pending.catch(() => undefined);
  await vi.waitFor(() => expect(edge.proxy.traffic()[0]?.open).toBe(1), { timeout: 10_000, interval: 5 });
  controller.abort();
  await expect(pending).rejects.toThrow(/abort/);
  // Dialling goes on for more than a second when nobody ends it.
  await vi.waitFor(() => expect(edge.proxy.traffic()[0]?.open).toBe(0), { timeout: 700, interval: 10 });
  await using service = await startService((_, response) => response.end(), port);
  const next = await send(edge, { headers: to(port) });
  expect(next.status).toBe(200);
  expect(service.connections()).toBe(1);
});

test("a service that ends the connection unanswered", async () => {
  await using edge = await startEdge();
  await using service = await startService((request) => request.socket.destroy());
  const answer = await send(edge, { method: "POST", headers: to(service.port), body: "x" });
  expect(answer.status).toBe(502);
  expect(answer.body).not.toMatch(/was not found|port is not open/);
  expect(service.connections()).toBe(1);
});

test.each([["missing"], ["invalid"]])("traffic token %s", async (how) => {
  await using edge = await startEdge({ trafficTokenHash: hashToken("secret") });
  await using service = await startService((request, response) =>
    response.end(request.headers["e2b-traffic-access-token"]),
  );
  const sent: Record<string, string> = how === "missing" ? {} : { "e2b-traffic-access-token": "Secret" };
  const answer = await send(edge, { headers: { ...to(service.port), ...sent } });
  expect(answer.status).toBe(403);
  const body = JSON.parse(answer.body) as { message: string };
  expect(body).toMatchObject({ sandboxId, code: 403 });
  expect(body.message).toContain("e2b-traffic-access-token");
  expect(body.message).toContain(how);
  const right = { ...to(service.port), "e2b-traffic-access-token": "secret" };
  expect(await send(edge, { headers: right })).toMatchObject({ status: 200, body: "secret" });
});

test("envd needs no traffic token, and its internal routes are not public", async () => {
  await using edge = await startEdge({ trafficTokenHash: hashToken("secret") });
  await using envd = await startService((_, response) => response.end("envd"), 49_983);
  expect((await send(edge, { path: "/envs", headers: to(envd.port) })).body).toBe("envd");
  for (const path of [
    "/init",
    "/freeze?x=1",
    "//init",
    "/./init",
    "/x/../init",
    "/%69nit",
    "/INIT",
    "/init/",
    "/upgrade",
  ]) {
    const answer = await send(edge, { method: "POST", path, headers: to(envd.port) });
    expect({ path, status: answer.status }).toEqual({ path, status: 404 });
    expect(JSON.parse(answer.body)).toMatchObject({ code: 404, path: path.split("?")[0] });
  }
  await using other = await startService((_, response) => response.end("mine"));
  const token = { "e2b-traffic-access-token": "secret" };
  expect((await send(edge, { path: "/init", headers: { ...to(other.port), ...token } })).body).toBe("mine");
});

test("too many connections to one sandbox", async () => {
  await using edge = await startEdge({ maxConnectionsPerSandbox: 1 });
  const { promise: reached, resolve } = Promise.withResolvers<() => void>();
  await using service = await startService((_, response) => resolve(() => response.end("first")));
  const first = send(edge, { headers: to(service.port) });
  const release = await reached;
  const second = await send(edge, { headers: to(service.port) });
  expect(second.status).toBe(429);
  expect(JSON.parse(second.body)).toMatchObject({ sandboxId, code: 429, connectionLimit: 1 });
  release();
  expect((await first).body).toBe("first");
});

test.each([
  ["a navigation", { ...browser, "sec-fetch-mode": "navigate", accept: "text/html" }, true],
  ["an old browser", browser, true],
  ["a browser that takes both", { ...browser, accept: "text/html,application/json" }, true],
  ["fetch in a page", { ...browser, "sec-fetch-mode": "cors" }, false],
  ["a script that wants JSON", { ...browser, accept: "application/json" }, false],
  ["XMLHttpRequest", { ...browser, "x-requested-with": "XMLHttpRequest" }, false],
  ["curl", { "user-agent": "curl/8.0", accept: "text/html" }, false],
])("%s", async (_, headers, html) => {
  await using edge = await startEdge();
  const answer = await send(edge, { headers: { ...to(80, "inosuch"), ...headers } });
  expect(answer.status).toBe(502);
  expect(answer.headers["content-type"]).toContain(html ? "text/html" : "application/json");
  expect(answer.body).toContain("The sandbox was not found");
  expect(answer.body.startsWith("<!doctype html>")).toBe(html);
});

test("an address that is taken or missing fails at listen and is named", async () => {
  await using edge = await startEdge();
  const { createProxy } = await import("./server.ts");
  const { silentLogger } = await import("@sandbank/core/logger");
  const taken = createProxy({ directory: edge.directory, logger: silentLogger });
  await expect(taken.listen({ host: "127.0.0.1", port: edge.port })).rejects.toMatchObject({
    code: "failed_precondition",
    message: `the sandbox proxy cannot listen on 127.0.0.1:${edge.port}: another process listens there`,
  });
  const missing = createProxy({ directory: edge.directory, logger: silentLogger });
  await expect(missing.listen({ host: "192.0.2.1", port: 0 })).rejects.toThrow(
    "192.0.2.1:0: this machine has no such address",
  );
  await taken.close({ graceMs: 0 });
});

test("the error for a request without a Host header is an answer, not a crash", async () => {
  await using edge = await startEdge();
  const probe = createServer();
  probe.listen(0, hostAddress);
  await once(probe, "listening");
  expect((probe.address() as AddressInfo).port).toBeGreaterThan(0);
  probe.close();
  const { sendRaw } = await import("./testing/harness.ts");
  expect(await sendRaw(edge, "GET / HTTP/1.0\n\n")).toMatch(/^HTTP\/1\.1 400 /);
  expect(await sendRaw(edge, "nonsense\n\n")).toMatch(/^HTTP\/1\.1 400 /);
});

test.each([
  ["a status below 100", "HTTP/1.1 099 OK", 502],
  ["a control character behind the status", "HTTP/1.1 200 O\u0001K", 200],
])("a service that answers with %s is the client's problem only", async (_what, line, status) => {
  await using edge = await startEdge();
  await using service = await startTcpService((socket) =>
    socket.once("data", () => socket.end(`${line}\r\nContent-Length: 1\r\n\r\nx`)),
  );
  expect((await send(edge, { headers: to(service.port) })).status).toBe(status);
  const head = Object.entries({ Host: "x", Connection: "Upgrade", Upgrade: "x", ...to(service.port) });
  const upgrade = head.map(([name, value]) => `${name}: ${value}\n`).join("");
  expect(await sendRaw(edge, `GET / HTTP/1.1\n${upgrade}\n`)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
});
