import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { poll } from "@sandbank/core/deadline";
import { expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { sandboxId, send, startEdge, startService, to, type TestEdge } from "./testing/harness.ts";

const trafficOf = (edge: TestEdge) => edge.proxy.traffic()[0] ?? { toSandbox: 0, fromSandbox: 0, open: 0 };
/** For heads of messages. */
const slack = 1_000;

async function idle(edge: TestEdge): Promise<void> {
  await poll(() => trafficOf(edge).open === 0 || undefined, { timeoutMs: 10_000, intervalMs: 5 });
}

test("bytes and open requests of a sandbox, while they run and after, whatever way they take", async () => {
  await using edge = await startEdge();
  expect(edge.proxy.traffic()).toEqual([]);
  await using service = await startService((request, response) => {
    if (request.url !== "/large") {
      request.pipe(response);
      return;
    }
    const body = Buffer.alloc(3_000_000);
    response.writeHead(200, { "content-length": body.length }).end(body);
  });
  await send(edge, { method: "POST", body: Buffer.alloc(50_000), headers: to(service.port) });
  await idle(edge);
  const small = trafficOf(edge);
  expect(small).toMatchObject({ sandboxId, open: 0 });
  for (const bytes of [small.toSandbox, small.fromSandbox]) {
    expect(bytes).toBeGreaterThan(50_000);
    expect(bytes).toBeLessThan(50_000 + slack);
  }
  // A connection that is used again does not count again.
  for (let i = 0; i < 2; i++) await send(edge, { path: "/large", headers: to(service.port) });
  await idle(edge);
  expect(trafficOf(edge).fromSandbox - small.fromSandbox - 6_000_000).toBeGreaterThan(0);
  expect(trafficOf(edge).fromSandbox - small.fromSandbox - 6_000_000).toBeLessThan(slack);

  const before = trafficOf(edge);
  const headers = { ...to(service.port), "transfer-encoding": "chunked" };
  const request = httpRequest({ port: edge.port, host: "127.0.0.1", method: "POST", headers, agent: false });
  request.write(Buffer.alloc(10_000));
  const [response] = (await once(request, "response")) as [IncomingMessage];
  await once(response, "data");
  expect(trafficOf(edge).open).toBe(1);
  expect(trafficOf(edge).toSandbox).toBeGreaterThan(before.toSandbox + 10_000);
  request.end();
  await once(response.resume(), "end");
  await idle(edge);
});

test("a WebSocket counts, and what is known of a sandbox ends with it", async () => {
  await using edge = await startEdge();
  await using service = await startService(() => undefined);
  const server = new WebSocketServer({ server: service.server });
  server.on("connection", (socket) => socket.on("message", (data) => socket.send(data)));
  const socket = new WebSocket(`ws://127.0.0.1:${edge.port}/`, { headers: to(service.port) });
  await once(socket, "open");
  socket.send(Buffer.alloc(20_000));
  await once(socket, "message");
  const { open, toSandbox, fromSandbox } = trafficOf(edge);
  expect(open).toBe(1);
  for (const bytes of [toSandbox, fromSandbox]) {
    expect(bytes).toBeGreaterThan(20_000);
    expect(bytes).toBeLessThan(20_000 + slack);
  }
  const closed = once(socket, "close");
  edge.directory.end(sandboxId);
  await closed;
  expect(edge.proxy.traffic()).toEqual([]);
});
