import { once } from "node:events";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import type { TLSSocket } from "node:tls";
import { CertificateAuthority, newServerKey } from "@sandbank/certificates/authority";
import { loopbackBridgePort } from "@sandbank/protocol/headers";
import { expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { hostAddress, sandboxId, send, sendRaw, startEdge, startService, to } from "./testing/harness.ts";

const closing = (server: Server) => ({
  port: (server.address() as AddressInfo).port,
  [Symbol.asyncDispose]: async () => {
    server.close();
    await once(server, "close");
  },
});

const largeBytes = 3_000_000;

/** An HTTPS service with a certificate that nobody has reason to trust; says how it was called. */
async function startHttps(host = hostAddress) {
  const authority = await CertificateAuthority.create("nobody", 3_600_000);
  const key = await newServerKey();
  const cert = await authority.issue({
    names: ["elsewhere.test"],
    publicKey: key.publicKey,
    validForMs: 3_600_000,
  });
  let connections = 0;
  const server = createHttpsServer({ cert, key: key.privateKeyPem }, (request, response) => {
    if (request.url === "/large") {
      response.writeHead(200, { "content-length": largeBytes }).end(Buffer.alloc(largeBytes));
      return;
    }
    const { servername } = request.socket as TLSSocket;
    let length = 0;
    request
      .on("data", (chunk: Buffer) => (length += chunk.length))
      .on("end", () =>
        response.end(JSON.stringify({ servername, host: request.headers.host, length, connections })),
      );
  });
  server.on("secureConnection", () => connections++);
  const sockets = new WebSocketServer({ server });
  sockets.on("connection", (socket) => socket.on("message", (data) => socket.send(data)));
  server.listen(0, host);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      for (const client of sockets.clients) client.terminate();
      await once(server, "close");
    },
  };
}

test("a masked host, with the port in it; the client's own goes along; not for envd", async () => {
  await using edge = await startEdge({ maskRequestHost: "p${PORT}.example.com:${PORT}" });
  const seen = (raw: string[]): string[] =>
    raw.flatMap((name, i) => (i % 2 === 0 && /host/i.test(name) ? [`${name}: ${raw[i + 1]}`] : []));
  await using service = await startService((request, response) =>
    response.end(JSON.stringify(seen(request.rawHeaders))),
  );
  await using _envd = await startService(
    (request, response) => response.end(JSON.stringify(seen(request.rawHeaders))),
    49_983,
  );
  const host = `${service.port}-${sandboxId}.localhost:${edge.port}`;
  const masked = `p${service.port}.example.com:${service.port}`;
  const claimed = { host, "x-forwarded-host": "a lie" };
  expect(JSON.parse((await send(edge, { headers: claimed })).body)).toEqual([
    `host: ${masked}`,
    `X-Forwarded-Host: ${host}`,
  ]);
  expect(JSON.parse((await send(edge, { headers: { ...to(49_983), host: "localhost" } })).body)).toEqual([
    "host: localhost",
  ]);
  const old = `GET / HTTP/1.0\nE2b-Sandbox-Id: ${sandboxId}\nE2b-Sandbox-Port: ${service.port}\n\n`;
  expect(await sendRaw(edge, old)).toContain(JSON.stringify([`Host: ${masked}`]));
  service.server.on("upgrade", (request, socket) => {
    socket.end(`HTTP/1.1 403 No\r\nConnection: close\r\n\r\n${seen(request.rawHeaders).join("|")}`);
  });
  const upgrade = `GET / HTTP/1.1\nHost: ${host}\nConnection: Upgrade\nUpgrade: x\n\n`;
  expect(await sendRaw(edge, upgrade)).toContain(`Host: ${masked}|X-Forwarded-Host: ${host}`);
});

test("TLS to the ports that want it: requests, bodies, WebSockets, connections used again", async () => {
  await using service = await startHttps();
  await using edge = await startEdge({ httpsPorts: [service.port] });
  const host = `${service.port}-${sandboxId}.localhost`;
  const first = await send(edge, { headers: { host } });
  expect(JSON.parse(first.body)).toEqual({ servername: false, host, length: 0, connections: 1 });
  expect(JSON.parse((await send(edge, { headers: { host } })).body)).toMatchObject({ connections: 1 });
  const body = Buffer.alloc(3_000_000);
  expect(JSON.parse((await send(edge, { method: "POST", headers: { host }, body })).body)).toMatchObject({
    length: body.length,
  });
  const socket = new WebSocket(`ws://127.0.0.1:${edge.port}/`, { headers: to(service.port) });
  await once(socket, "open");
  socket.send("hello");
  expect(String((await once(socket, "message"))[0])).toBe("hello");
  socket.close(4001);
  expect((await once(socket, "close"))[0]).toBe(4001);
});

test("a large answer over TLS", async () => {
  await using service = await startHttps();
  await using edge = await startEdge({ httpsPorts: [service.port] });
  const answer = await send(edge, { path: "/large", headers: to(service.port) });
  expect(answer.body.length).toBe(largeBytes);
});

test("a service with TLS is called by its masked name", async () => {
  await using service = await startHttps();
  await using edge = await startEdge({ httpsPorts: [service.port], maskRequestHost: "app.test:${PORT}" });
  const answer = await send(edge, { headers: to(service.port) });
  expect(JSON.parse(answer.body)).toMatchObject({
    servername: "app.test",
    host: `app.test:${service.port}`,
  });
});

test("TLS to a program on the sandbox's loopback", async () => {
  await using service = await startHttps("127.0.0.3");
  const bridge = createServer({ allowHalfOpen: true }, (caller) => {
    caller.once("data", () => {
      const program = connect({ port: service.port, host: "127.0.0.3", allowHalfOpen: true }, () => {
        caller.write("+");
        caller.pipe(program).pipe(caller);
      });
    });
    caller.on("error", () => undefined);
  });
  bridge.listen(loopbackBridgePort, hostAddress);
  await once(bridge, "listening");
  await using _ = closing(bridge);
  await using edge = await startEdge({ httpsPorts: [service.port] });
  const body = Buffer.alloc(100_000);
  const answer = await send(edge, { method: "POST", headers: to(service.port), body });
  expect(JSON.parse(answer.body)).toMatchObject({ length: body.length });
});

test("a service that does not speak TLS after all, and a port that is closed", async () => {
  await using service = await startService((_, response) => response.end());
  const closed = await startService((_, response) => response.end());
  await closed[Symbol.asyncDispose]();
  await using edge = await startEdge({ httpsPorts: [service.port, closed.port] });
  const answer = await send(edge, { method: "POST", headers: to(service.port), body: "x" });
  expect(answer.status).toBe(502);
  expect(answer.body).toContain("does not speak TLS");
  const nobody = await send(edge, { headers: to(closed.port) });
  expect(nobody.status).toBe(502);
  expect(nobody.body).toContain("port is not open");
});
