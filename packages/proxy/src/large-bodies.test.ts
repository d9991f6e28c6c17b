import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { poll } from "@sandbank/core/deadline";
import { expect, test } from "vitest";
import { sandboxId, send, sendRaw, startEdge, startService, startTcpService, to } from "./testing/harness.ts";

const route = (port: number): string => `E2b-Sandbox-Id: ${sandboxId}\nE2b-Sandbox-Port: ${port}`;
const size = 5_000_000;
const data = randomBytes(size);
const hash = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

async function bytesOf(response: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const chunk of response) parts.push(chunk as Buffer);
  return Buffer.concat(parts);
}

test(
  "100 MiB for a slow reader: the service is held back, memory stays bounded",
  { timeout: 30_000 },
  async () => {
    const total = 100 * 1024 * 1024;
    await using edge = await startEdge();
    let sent = 0;
    await using service = await startService((_, response) => {
      const chunk = Buffer.alloc(256 * 1024);
      response.writeHead(200, { "content-length": total });
      const more = (): void => {
        while (sent < total) {
          sent += chunk.length;
          if (!response.write(chunk)) return void response.once("drain", more);
        }
        response.end();
      };
      more();
    });
    const request = httpRequest({
      port: edge.port,
      host: "127.0.0.1",
      headers: to(service.port),
      agent: false,
    }).end();
    const [response] = (await once(request, "response")) as [IncomingMessage];
    // Nobody reads: what was sent settles at what the sockets on the way hold.
    let last = -1;
    await poll(() => (last === sent ? true : void (last = sent)), { timeoutMs: 5_000, intervalMs: 200 });
    expect(sent).toBeLessThan(40 * 1024 * 1024);
    let received = 0;
    for await (const chunk of response) received += (chunk as Buffer).length;
    expect(received).toBe(total);
  },
);

test("100 MiB up", { timeout: 30_000 }, async () => {
  const total = 100 * 1024 * 1024;
  await using edge = await startEdge();
  await using service = await startService((request, response) => {
    let received = 0;
    request
      .on("data", (chunk: Buffer) => (received += chunk.length))
      .on("end", () => response.end(String(received)));
  });
  const answer = await send(edge, { method: "POST", headers: to(service.port), body: Buffer.alloc(total) });
  expect(answer.body).toBe(String(total));
});

test("a service that answers before it has read the body", async () => {
  await using edge = await startEdge();
  await using service = await startService((_, response) => response.writeHead(413).end("no"));
  const answer = await send(edge, {
    method: "POST",
    headers: to(service.port),
    body: Buffer.alloc(8 * 1024 * 1024),
  });
  expect(answer).toMatchObject({ status: 413, body: "no" });
});

test("large answers are what the service sent, and the client's connection goes on", async () => {
  await using edge = await startEdge();
  await using service = await startService((request, response) => {
    if (request.url === "/small") {
      response.end("small");
      return;
    }
    response.writeHead(request.url === "/part" ? 206 : 200, { "content-length": size });
    // The head alone, then a byte, then the rest: the body is taken over wherever it stands.
    response.flushHeaders();
    if (request.url === "/at-once") {
      response.end(data);
      return;
    }
    setTimeout(() => response.write(data.subarray(0, 1)), 20);
    setTimeout(() => response.end(data.subarray(1)), 40);
  });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ports = new Set<number | undefined>();
  for (const path of ["/at-once", "/small", "/slowly", "/part", "/at-once"]) {
    const options = { port: edge.port, host: "127.0.0.1", path, headers: to(service.port), agent };
    const [response] = (await once(httpRequest(options).end(), "response")) as [IncomingMessage];
    ports.add(response.socket.localPort);
    const body = await bytesOf(response);
    expect(response.headers["content-length"] ?? "5").toBe(String(body.length));
    expect(hash(body)).toBe(path === "/small" ? hash(Buffer.from("small")) : hash(data));
  }
  expect(ports.size).toBe(1);
  agent.destroy();
});

test("requests that follow one another on a connection get large answers in turn", async () => {
  await using edge = await startEdge();
  await using service = await startService((request, response) => {
    response.writeHead(200, { "content-length": size });
    response.end(request.method === "HEAD" ? undefined : data);
  });
  const get = `GET / HTTP/1.1\nHost: localhost\n${route(service.port)}\n`;
  const text = await sendRaw(
    edge,
    `${get}\n${get.replace("GET", "HEAD")}\n${get}\n${get}Connection: close\n\n`,
  );
  const raw = Buffer.from(text, "latin1");
  expect(text.match(/HTTP\/1\.1 200 OK\r\n/g)?.length).toBe(4);
  let found = 0;
  for (let at = raw.indexOf(data); at >= 0; at = raw.indexOf(data, at + size)) found++;
  expect(found).toBe(3);
});

test("a large answer that breaks off is a broken connection for the client too", async () => {
  await using edge = await startEdge();
  await using service = await startService((request, response) => {
    response.writeHead(200, { "content-length": size });
    response.write(data.subarray(0, 2_000_000));
    setTimeout(
      () => (request.url === "/reset" ? response.socket?.resetAndDestroy() : response.destroy()),
      50,
    );
  });
  for (const path of ["/reset", "/end"]) {
    await expect(send(edge, { path, headers: to(service.port) })).rejects.toThrow(/ECONNRESET|aborted/);
  }
});

test("a client that leaves a large answer takes its request with it; the end of a sandbox cuts it", async () => {
  await using edge = await startEdge();
  let closed = 0;
  await using service = await startService((_, response) => {
    response.writeHead(200, { "content-length": 10_000_000_000 });
    const more = (): void => {
      while (!response.destroyed && response.write(data));
      response.once("drain", more);
    };
    more();
    response.on("close", () => closed++);
  });
  const start = async () => {
    const options = { port: edge.port, host: "127.0.0.1", headers: to(service.port), agent: false };
    const request = httpRequest(options).end();
    const [response] = (await once(request, "response")) as [IncomingMessage];
    // Told of the reset too; what counts is what the response says.
    request.on("error", () => undefined);
    for (let read = 0; read < 20_000_000;) read += ((await once(response, "data"))[0] as Buffer).length;
    return response;
  };
  const before = readdirSync("/proc/self/fd").length;
  (await start()).destroy();
  await poll(() => closed === 1 || undefined, { timeoutMs: 10_000, intervalMs: 5 });
  const halted = await start();
  halted.pause();
  await sleep(100);
  const cut = once(halted, "error");
  edge.directory.end(sandboxId);
  halted.resume();
  expect(String((await cut)[0])).toMatch(/aborted|ECONNRESET/);
  await poll(() => closed === 2 || undefined, { timeoutMs: 10_000, intervalMs: 5 });
  await poll(() => readdirSync("/proc/self/fd").length <= before || undefined, {
    timeoutMs: 10_000,
    intervalMs: 5,
  });
});

test("bytes of a large answer are passed on as they come, and what a service says too much is not", async () => {
  await using edge = await startEdge();
  await using service = await startTcpService((socket) => {
    socket.once("data", () => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\nfirst`);
      setTimeout(() => socket.write("second"), 50);
      setTimeout(() => socket.end(Buffer.concat([data, Buffer.from("HTTP/1.1 200 Forged\r\n\r\n")])), 100);
    });
  });
  const client = connect({ port: edge.port, host: "127.0.0.1" });
  client.write(
    `GET / HTTP/1.1\nHost: localhost\nConnection: close\n${route(service.port)}\n\n`.replaceAll("\n", "\r\n"),
  );
  const parts: string[] = [];
  let total = 0;
  for await (const chunk of client.setEncoding("latin1")) {
    if (total < 1_000) parts.push(String(chunk));
    total += String(chunk).length;
  }
  const head = parts.join("").indexOf("first");
  expect(parts.join("").slice(head, head + 11)).toBe("firstsecond");
  expect(parts.some((part) => part.startsWith("second"))).toBe(true);
  expect(total).toBe(head + size);
});
