import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
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

const route = (port: number): string => `E2b-Sandbox-Id: ${sandboxId}\nE2b-Sandbox-Port: ${port}`;

test("headers: order, case and repetitions stay; what belongs to the connection or claims a way goes", async () => {
  await using edge = await startEdge();
  let seen: string[] = [];
  await using service = await startService((request, response) => {
    seen = request.rawHeaders;
    response.writeHead(200, "Fine Thing", [
      ["X-One", "1"],
      ["Set-Cookie", "a=1"],
      ["Set-Cookie", "b=2"],
      ["Keep-Alive", "timeout=5"],
      ["Connection", "X-Hop"],
      ["X-Hop", "gone"],
    ] as never);
    response.end("ok");
  });
  const answer = await sendRaw(
    edge,
    `GET / HTTP/1.1\nHost: localhost\nX-CamelCase: 1\nX-Multi: a\nX-Multi: b\nForwarded: for=1\nX-Forwarded-For: 1\n` +
      `X-Forwarded-Host: h\nX-Forwarded-Proto: https\nX-Real-Thing: y\nTE: trailers\nConnection: close, X-Mine\nX-Mine: 1\n${route(service.port)}\n\n`,
  );
  const names = seen.filter((_, i) => i % 2 === 0);
  expect(names).toEqual([
    "Host",
    "X-CamelCase",
    "X-Multi",
    "X-Multi",
    "X-Real-Thing",
    "E2b-Sandbox-Id",
    "E2b-Sandbox-Port",
    "Connection",
  ]);
  expect(answer).toMatch(/^HTTP\/1\.1 200 Fine Thing\r\nX-One: 1\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n/);
  expect(answer).not.toMatch(/X-Hop|timeout=5/);
});

test("a length stays a length, chunks stay chunks, both ways", async () => {
  await using edge = await startEdge();
  await using echo = await startService((request, response) => {
    const { "content-length": length = null, "transfer-encoding": encoding = null } = request.headers;
    request.resume().on("end", () => {
      const text = JSON.stringify({ length, encoding });
      if (request.url === "/sized") response.setHeader("content-length", text.length);
      response.write(text);
      response.end();
    });
  });
  const sized = await send(edge, {
    method: "POST",
    path: "/sized",
    body: "12345",
    headers: { ...to(echo.port), "content-length": "5" },
  });
  expect(JSON.parse(sized.body)).toEqual({ length: "5", encoding: null });
  expect(sized.headers["content-length"]).toBe(String(sized.body.length));
  const chunked = await send(edge, {
    method: "POST",
    body: "12345",
    headers: { ...to(echo.port), "transfer-encoding": "chunked" },
  });
  expect(JSON.parse(chunked.body)).toEqual({ length: null, encoding: "chunked" });
  expect(chunked.headers["transfer-encoding"]).toBe("chunked");
  const none = await send(edge, { method: "POST", headers: { ...to(echo.port), "content-length": "0" } });
  expect(JSON.parse(none.body)).toEqual({ length: "0", encoding: null });
  const bare = await sendRaw(
    edge,
    `POST / HTTP/1.1\nHost: localhost\nConnection: close\n${route(echo.port)}\n\n`,
  );
  expect(bare).toContain('{"length":"0","encoding":null}');
  const del = await send(edge, {
    method: "DELETE",
    body: "x",
    headers: { ...to(echo.port), "transfer-encoding": "chunked" },
  });
  expect(JSON.parse(del.body)).toEqual({ length: null, encoding: "chunked" });
});

test("answers without a body: HEAD, 204, 304", async () => {
  await using edge = await startEdge();
  await using service = await startService((request, response) => {
    if (request.method === "HEAD") response.writeHead(200, { "content-length": "1000" }).end();
    else if (request.url === "/304") response.writeHead(304, { etag: '"x"' }).end();
    else response.writeHead(204).end();
  });
  const head = await send(edge, { method: "HEAD", headers: to(service.port) });
  expect(head).toMatchObject({ status: 200, body: "" });
  expect(head.headers["content-length"]).toBe("1000");
  expect(await send(edge, { headers: to(service.port) })).toMatchObject({ status: 204, body: "" });
  const notModified = await send(edge, { path: "/304", headers: to(service.port) });
  expect(notModified).toMatchObject({ status: 304, body: "" });
  expect(notModified.headers.etag).toBe('"x"');
});

test("a service of HTTP/1.0 that ends its answer by closing", async () => {
  await using edge = await startEdge();
  await using service = await startTcpService((socket) => {
    socket.once("data", () => socket.end("HTTP/1.0 200 OK\r\nServer: old\r\n\r\nto the end"));
  });
  const answer = await send(edge, { headers: to(service.port) });
  expect(answer).toMatchObject({ status: 200, body: "to the end" });
  expect(answer.headers.server).toBe("old");
});

test("Expect: 100-continue is the service's to answer", async () => {
  await using edge = await startEdge();
  await using service = await startService((request, response) => request.pipe(response));
  service.server.on("checkContinue", (request, response) => {
    if (request.url === "/no") {
      response.writeHead(413).end("too big");
      return;
    }
    response.writeContinue();
    request.pipe(response);
  });
  const ask = async (path: string): Promise<{ continued: boolean; status: number; body: string }> => {
    const headers = { ...to(service.port), expect: "100-continue", "content-length": "4" };
    const request = httpRequest({
      port: edge.port,
      host: "127.0.0.1",
      method: "PUT",
      path,
      headers,
      agent: false,
    });
    let continued = false;
    request.on("continue", () => {
      continued = true;
      request.end("body");
    });
    request.flushHeaders();
    const [response] = (await once(request, "response")) as [IncomingMessage];
    let body = "";
    for await (const chunk of response) body += String(chunk);
    request.destroy();
    return { continued, status: response.statusCode ?? 0, body };
  };
  expect(await ask("/yes")).toEqual({ continued: true, status: 200, body: "body" });
  expect(await ask("/no")).toEqual({ continued: false, status: 413, body: "too big" });
});

test("events of a stream arrive one by one, headers before the first", async () => {
  await using edge = await startEdge();
  const { promise: opened, resolve } = Promise.withResolvers<(text: string) => void>();
  await using service = await startService((_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.flushHeaders();
    resolve((text) => void response.write(text));
  });
  const response = await fetch(`http://127.0.0.1:${edge.port}/`, { headers: to(service.port) });
  const emit = await opened;
  expect(response.headers.get("content-type")).toBe("text/event-stream");
  const reader = response.body?.getReader();
  for (const text of ["data: 1\n\n", "data: 2\n\n"]) {
    emit(text);
    const chunk = await reader?.read();
    expect(Buffer.from(chunk?.value ?? []).toString()).toBe(text);
  }
  await reader?.cancel();
});

test("both directions stream at the same time", async () => {
  await using edge = await startEdge();
  await using service = await startService((request, response) => {
    response.flushHeaders();
    request.pipe(response);
  });
  const headers = { ...to(service.port), "transfer-encoding": "chunked" };
  const request = httpRequest({ port: edge.port, host: "127.0.0.1", method: "POST", headers, agent: false });
  request.flushHeaders();
  const [response] = (await once(request, "response")) as [IncomingMessage];
  for (const text of ["one", "two"]) {
    request.write(text);
    const [chunk] = (await once(response, "data")) as [Buffer];
    expect(chunk.toString()).toBe(text);
  }
  request.end();
  await once(response.resume(), "end");
});

test("connections to the service are used again", async () => {
  await using edge = await startEdge();
  await using envd = await startService((request, response) => request.pipe(response), 49_983);
  for (let i = 0; i < 5; i++) {
    expect((await send(edge, { method: "POST", headers: to(envd.port), body: `n${i}` })).body).toBe(`n${i}`);
  }
  expect(envd.connections()).toBe(1);
});

test("a kept connection that the service has closed is not the client's problem", async () => {
  await using edge = await startEdge();
  await using service = await startService((_, response) => response.end("ok"));
  expect((await send(edge, { headers: to(service.port) })).body).toBe("ok");
  service.server.closeAllConnections();
  expect((await send(edge, { headers: to(service.port) })).body).toBe("ok");
});

test("one client connection reaches several sandboxes in turn", async () => {
  await using edge = await startEdge();
  edge.directory.add({ sandboxId: "iother", hostAddress });
  await using first = await startService((_, response) => response.end("first"));
  await using second = await startService((_, response) => response.end("second"));
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ask = async (headers: Record<string, string>): Promise<string> => {
    const request = httpRequest({ port: edge.port, host: "127.0.0.1", headers, agent }).end();
    const [response] = (await once(request, "response")) as [IncomingMessage];
    let body = "";
    for await (const chunk of response) body += String(chunk);
    return body;
  };
  expect(await ask(to(first.port))).toBe("first");
  expect(await ask(to(second.port, "iother"))).toBe("second");
  expect(await ask(to(80, "inosuch"))).toContain("was not found");
  expect(await ask(to(first.port))).toBe("first");
  agent.destroy();
});

test("a client that leaves takes its request with it", async () => {
  await using edge = await startEdge();
  const { promise: ended, resolve } = Promise.withResolvers<string>();
  await using service = await startService((request, response) => {
    response.writeHead(200);
    response.write("x");
    response.on("close", () => resolve("closed"));
    void request;
  });
  const controller = new AbortController();
  const response = await fetch(`http://127.0.0.1:${edge.port}/`, {
    headers: to(service.port),
    signal: controller.signal,
  });
  expect(response.status).toBe(200);
  controller.abort();
  expect(await Promise.race([ended, sleep(10_000, "still there")])).toBe("closed");
});

test("a client that leaves in the middle of its body takes its request with it", async () => {
  await using edge = await startEdge();
  const { promise: ended, resolve } = Promise.withResolvers<string>();
  await using service = await startService((request) => {
    request.on("error", () => resolve("aborted"));
    request.once("data", () => socket.destroy());
  });
  const socket = connect({ host: "127.0.0.1", port: edge.port });
  socket.write(
    `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n${route(service.port).replace("\n", "\r\n")}\r\n\r\nabc`,
  );
  expect(await Promise.race([ended, sleep(10_000, "still there")])).toBe("aborted");
});

test("an answer that breaks off is a broken connection for the client too", async () => {
  await using edge = await startEdge();
  await using service = await startService((_, response) => {
    response.writeHead(200, { "content-length": "100" });
    response.write("part");
    setTimeout(() => response.destroy(), 20);
  });
  await expect(send(edge, { headers: to(service.port) })).rejects.toThrow(/ECONNRESET|aborted/);
});

test("headers of 40 KiB pass, of 80 KiB are refused", async () => {
  await using edge = await startEdge();
  await using service = await startService((_, response) => response.end("ok"));
  const passing = { ...to(service.port), "x-big": "x".repeat(40 * 1024) };
  expect((await send(edge, { headers: passing })).status).toBe(200);
  const big = await send(edge, { headers: { ...to(service.port), "x-big": "x".repeat(80 * 1024) } }).catch(
    () => ({ status: 431 }),
  );
  expect(big.status).toBe(431);
});

test("a browser's preflight is the service's to answer", async () => {
  await using edge = await startEdge();
  await using service = await startService((request, response) => {
    const { origin, "access-control-request-method": asked } = request.headers;
    response.writeHead(204, { "access-control-allow-origin": origin, "x-asked": asked }).end();
  });
  const headers = { ...to(service.port), origin: "https://app.test", "access-control-request-method": "PUT" };
  const answer = await send(edge, { method: "OPTIONS", headers });
  expect(answer.status).toBe(204);
  expect(answer.headers).toMatchObject({
    "access-control-allow-origin": "https://app.test",
    "x-asked": "PUT",
  });
});

test("streams may be silent for as long as they like; idle connections outlast those of clients", async () => {
  await using edge = await startEdge();
  const { timeout, requestTimeout, keepAliveTimeout } = edge.proxy.server;
  expect({ timeout, requestTimeout }).toEqual({ timeout: 0, requestTimeout: 0 });
  // The SDKs' pools keep idle connections for 610 s at most.
  expect(keepAliveTimeout).toBeGreaterThan(610_000);
});
