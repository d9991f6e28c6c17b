import { connect, type Socket } from "node:net";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { poll } from "@sandbank/core/deadline";
import { expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import {
  hostAddress,
  sandboxId,
  send,
  startEdge,
  startService,
  startTcpService,
  to,
} from "./testing/harness.ts";

const within = <T>(work: Promise<T>, ms = 10_000): Promise<T | "late"> =>
  Promise.race([work, sleep(ms, "late" as const)]);

async function webSocketEcho(): Promise<{ port: number } & AsyncDisposable> {
  const service = await startService((_, response) => response.writeHead(426).end("upgrade needed"));
  const server = new WebSocketServer({ server: service.server });
  server.on("connection", (socket) => socket.on("message", (data, binary) => socket.send(data, { binary })));
  return {
    port: service.port,
    [Symbol.asyncDispose]: async () => {
      for (const client of server.clients) client.terminate();
      server.close();
      await service[Symbol.asyncDispose]();
    },
  };
}

test("WebSocket by headers and by host name: text, binary, close code", async () => {
  await using edge = await startEdge();
  await using service = await webSocketEcho();
  const host = `${service.port}-${sandboxId}.localhost`;
  for (const headers of [to(service.port), { host }]) {
    const socket = new WebSocket(`ws://127.0.0.1:${edge.port}/chat`, { headers });
    await once(socket, "open");
    socket.send("hello");
    expect(String((await once(socket, "message"))[0])).toBe("hello");
    socket.send(Buffer.alloc(1024 * 1024, 7));
    expect(((await once(socket, "message"))[0] as Buffer).length).toBe(1024 * 1024);
    socket.close(4001, "done");
    expect((await once(socket, "close"))[0]).toBe(4001);
  }
});

test("an upgrade that the service refuses is answered with its answer", async () => {
  await using edge = await startEdge();
  await using service = await startService((_, response) => response.end());
  service.server.on("upgrade", (_, socket) => {
    socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nX-Why: no\r\n\r\nno");
  });
  const socket = new WebSocket(`ws://127.0.0.1:${edge.port}/`, { headers: to(service.port) });
  const [error] = (await once(socket, "error")) as [Error];
  expect(error.message).toContain("403");
});

test.each([
  ["unknown sandbox", 80, "inosuch", "502"],
  ["closed port", 1, sandboxId, "502"],
])("upgrade to %s", async (_, port, id, status) => {
  await using edge = await startEdge();
  const socket = new WebSocket(`ws://127.0.0.1:${edge.port}/`, { headers: to(port, id) });
  const [error] = (await once(socket, "error")) as [Error];
  expect(error.message).toContain(status);
});

/** Sends an upgrade by hand, so that the bytes after it are under control. */
async function rawUpgrade(edge: { port: number }, port: number, early = ""): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port: edge.port, allowHalfOpen: true });
  socket.write(
    `GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: bytes\r\n` +
      `E2b-Sandbox-Id: ${sandboxId}\r\nE2b-Sandbox-Port: ${port}\r\n\r\n${early}`,
  );
  return socket;
}

test("any protocol; bytes sent too early arrive; each direction ends by itself", async () => {
  await using edge = await startEdge();
  let got = "";
  await using service = await startTcpService((socket) => {
    let head = "";
    socket.setEncoding("latin1").on("data", (text: string) => {
      if (head.endsWith("\r\n\r\n")) got += text;
      else {
        const whole = head + text;
        const end = whole.indexOf("\r\n\r\n");
        head = end === -1 ? whole : whole.slice(0, end + 4);
        if (end !== -1) {
          got += whole.slice(end + 4);
          socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: bytes\r\n\r\n");
        }
      }
    });
    // The service speaks only after the client has said all: a proxy that closes both ways at once loses it.
    socket.on("end", () => socket.end(`bye after ${got}`));
  });
  const client = await rawUpgrade(edge, service.port, "early ");
  await once(client, "data");
  client.end("late");
  let answer = "";
  for await (const chunk of client.setEncoding("latin1")) answer += String(chunk);
  expect(answer).toBe("bye after early late");
});

test("an upgrade to envd is an ordinary request, and nothing can be smuggled behind it", async () => {
  await using edge = await startEdge();
  const seen: string[] = [];
  await using envd = await startService((request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers.upgrade}`);
    response.end("plain");
  }, 49_983);
  const client = await rawUpgrade(
    edge,
    envd.port,
    `POST /init HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n` +
      `E2b-Sandbox-Id: ${sandboxId}\r\nE2b-Sandbox-Port: 49983\r\n\r\n`,
  );
  let answer = "";
  for await (const chunk of client.setEncoding("latin1")) answer += String(chunk);
  expect(answer).toContain("plain");
  expect(answer).toContain("Connection: close");
  expect(seen).toEqual(["GET / undefined"]);
});

test("the end of a sandbox cuts its streams at once, others go on", async () => {
  await using edge = await startEdge();
  edge.directory.add({ sandboxId: "iother", hostAddress });
  await using service = await startService((request, response) => {
    if (request.url === "/silent") return;
    response.write("x");
  });
  await using echo = await webSocketEcho();
  const streamOf = async (id: string): Promise<ReadableStreamDefaultReader<Uint8Array> | undefined> => {
    const response = await fetch(`http://127.0.0.1:${edge.port}/`, { headers: to(service.port, id) });
    const reader = response.body?.getReader();
    await reader?.read();
    return reader;
  };
  const mine = await streamOf(sandboxId);
  const other = await streamOf("iother");
  const silent = send(edge, { path: "/silent", headers: to(service.port) });
  const socket = new WebSocket(`ws://127.0.0.1:${edge.port}/`, { headers: to(echo.port) });
  await once(socket, "open");
  // The silent request is under way once the service has its connection.
  await poll(() => service.connections() >= 3 || undefined, { timeoutMs: 10_000 });
  const closed = once(socket, "close");
  const started = performance.now();
  edge.directory.end(sandboxId);
  await expect(mine?.read()).rejects.toThrow(/terminated|aborted|ECONNRESET|other side closed/);
  expect(await silent).toMatchObject({ status: 502, body: expect.stringContaining("was not found") });
  expect((await closed)[0]).toBe(1006);
  // Nothing else would end them.
  expect(performance.now() - started).toBeLessThan(5_000);
  expect(await Promise.race([other?.read(), sleep(50, "open")])).toBe("open");
  await other?.cancel();
});

test("the end of a sandbox ends dialling to it", async () => {
  await using edge = await startEdge();
  const pending = send(edge, { headers: to(1) });
  setTimeout(() => edge.directory.end(sandboxId), 150);
  expect(await pending).toMatchObject({ status: 502, body: expect.stringContaining("was not found") });
});

test("kept connections end with their sandbox", async () => {
  await using edge = await startEdge();
  await using envd = await startService((_, response) => response.end("ok"), 49_983);
  await send(edge, { headers: to(envd.port) });
  const count = (): Promise<number> =>
    new Promise((resolve, reject) =>
      envd.server.getConnections((error, n) => (error ? reject(error) : resolve(n))),
    );
  expect(await count()).toBe(1);
  edge.directory.end(sandboxId);
  expect(await poll(async () => ((await count()) === 0 ? true : undefined), { timeoutMs: 10_000 })).toBe(
    true,
  );
});

test("close lets requests finish, refuses new connections, then cuts", async () => {
  const edge = await startEdge();
  const { promise: reached, resolve } = Promise.withResolvers<() => void>();
  await using service = await startService((request, response) => {
    if (request.url === "/slow") resolve(() => response.end("finished"));
    else response.write("endless");
  });
  const slow = send(edge, { path: "/slow", headers: to(service.port) });
  const release = await reached;
  const endless = await fetch(`http://127.0.0.1:${edge.port}/endless`, { headers: to(service.port) });
  const closed = edge.proxy.close({ graceMs: 1_500 });
  await expect(send(edge)).rejects.toThrow(/ECONNREFUSED/);
  release();
  expect((await slow).body).toBe("finished");
  expect(await within(closed)).toBeUndefined();
  await expect(endless.text()).rejects.toThrow(/terminated|aborted|ECONNRESET|other side closed/);
});

test("close without traffic is immediate, and may be repeated", async () => {
  const edge = await startEdge();
  const started = performance.now();
  await edge.proxy.close({ graceMs: 10_000 });
  await edge.proxy.close({ graceMs: 10_000 });
  expect(performance.now() - started).toBeLessThan(5_000);
});

test("a stream whose client has half closed is cut with its sandbox too, and the edge still closes", async () => {
  const edge = await startEdge();
  await using service = await startService((_, response) => response.write(Buffer.alloc(16 * 1024 * 1024)));
  const client = connect({ host: "127.0.0.1", port: edge.port, allowHalfOpen: true });
  // Reset or closed: either way it ends.
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  client.on("error", () => undefined).on("close", () => resolve());
  client.write(
    `GET / HTTP/1.1\r\nHost: localhost\r\nE2b-Sandbox-Id: ${sandboxId}\r\nE2b-Sandbox-Port: ${service.port}\r\n\r\n`,
  );
  await once(client, "readable");
  client.end();
  setImmediate(() => edge.directory.end(sandboxId));
  client.resume();
  expect(await within(closed)).toBeUndefined();
  expect(await within(edge.proxy.close({ graceMs: 0 }))).toBeUndefined();
});

test("what a service says last reaches a slow client of a tunnel", async () => {
  await using edge = await startEdge();
  const last = Buffer.alloc(8 * 1024 * 1024, "x");
  await using service = await startTcpService((socket) => {
    socket.once("data", () => {
      socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: bytes\r\n\r\n");
      socket.end(last);
    });
  });
  const client = await rawUpgrade(edge, service.port);
  await once(client, "readable");
  // Longer than the service needs to be done and gone.
  await sleep(200);
  let received = 0;
  for await (const chunk of client) received += (chunk as Buffer).length;
  expect(received).toBeGreaterThanOrEqual(last.length);
  client.end();
});
