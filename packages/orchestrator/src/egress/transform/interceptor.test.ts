import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage, RequestListener } from "node:http";
import { connect as connectTls } from "node:tls";
import { buffer } from "node:stream/consumers";
import { expect, onTestFinished, test, vi } from "vitest";
import { WebSocketServer, WebSocket } from "ws";
import { type Harness, type HarnessOptions, realName, sandboxId, startHarness } from "./testing/harness.ts";

async function start(listener: RequestListener, options?: HarnessOptions): Promise<Harness> {
  const harness = await startHarness(listener, options);
  onTestFinished(() => harness.close());
  return harness;
}

/** Answers with the request's own headers, raw. */
const echo: RequestListener = (request, response) => {
  response.setHeader("x-method", request.method ?? "");
  request.resume();
  request.on("end", () => response.end(JSON.stringify(request.rawHeaders)));
};

const reasons = (harness: Harness): string[] => harness.decisions.map(({ reason }) => reason);

/** Sends bytes as they are over a trusted TLS connection and gives all that comes back. */
async function raw(harness: Harness, sent: string): Promise<string> {
  const socket = connectTls({ host: "127.0.0.1", port: harness.port, servername: realName, ca: harness.ca });
  socket.on("error", () => undefined);
  socket.end(sent);
  return (await buffer(socket)).toString("latin1");
}

test("headers are put in, replace what has their name, and leave everything else as it was", async () => {
  const harness = await start(echo);
  harness.rule = { domain: realName, headers: { Authorization: "Bearer put-in", "X-New": "1" } };
  const headers = { AUTHORIZATION: "mine", "X-Case-Kept": "yes", te: "trailers" };
  const { status, body } = await harness.ask({ path: "/a?b=c", headers });
  expect(status).toBe(200);
  const raw = JSON.parse(body) as string[];
  const pairs = raw.flatMap((name, i) => (i % 2 === 0 ? [`${name}: ${raw[i + 1]}`] : []));
  expect(pairs).toEqual([
    `host: ${realName}`,
    "X-Case-Kept: yes",
    "Authorization: Bearer put-in",
    "X-New: 1",
    "Connection: keep-alive",
  ]);
  expect(harness.decisions).toEqual([
    {
      sandboxId,
      verdict: "allowed",
      reason: "rule",
      protocol: "tcp",
      address: "192.0.2.1",
      port: 443,
      name: realName,
      detail: "Authorization, X-New",
    },
  ]);
});

test("one connection to the server serves the requests of one client connection; rules change in between", async () => {
  const harness = await start(echo);
  for (const value of ["one", "two"]) {
    harness.rule = { domain: realName, headers: { "X-Rule": value } };
    expect((await harness.ask()).body).toContain(`"X-Rule","${value}"`);
  }
  harness.rule = undefined;
  expect((await harness.ask()).body).not.toContain("X-Rule");
  expect(harness.dials).toBe(1);
});

test.each(["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])(
  "%s passes, with and without a body",
  async (method) => {
    const harness = await start(echo);
    const plain = await harness.ask({ method });
    expect([plain.status, plain.headers["x-method"]]).toEqual([200, method]);
    if (method === "HEAD") return;
    const sized = await harness.ask({ method, headers: { "content-length": "3" } }, "abc");
    expect(sized.body.toLowerCase()).toContain('"content-length","3"');
  },
);

test("bodies stream both ways: each half is there before the other one ends", async () => {
  const harness = await start((request, response) => request.pipe(response));
  const sent = harness.begin({ method: "POST" });
  sent.write("first ");
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  const [first] = (await once(response, "data")) as [Buffer];
  expect(first.toString()).toBe("first ");
  const rest = buffer(response);
  sent.end("second");
  expect((await rest).toString()).toBe("second");
});

test("thirty-two MiB come back as they went out", async () => {
  const harness = await start((request, response) => request.pipe(response));
  const body = randomBytes(32 * 1024 * 1024);
  const hash = (data: Buffer): string => createHash("sha256").update(data).digest("hex");
  const sent = harness.begin({ method: "POST" });
  const answered = once(sent, "response") as Promise<[IncomingMessage]>;
  sent.end(body);
  const [response] = await answered;
  expect(hash(await buffer(response))).toBe(hash(body));
});

test("an upload that waits for 100 Continue gets it from the server", async () => {
  const harness = await start(echo);
  const sent = harness.begin({ method: "PUT", headers: { expect: "100-continue", "content-length": "2" } });
  sent.flushHeaders();
  await once(sent, "continue");
  sent.end("ok");
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  expect(response.statusCode).toBe(200);
});

test("WebSockets get the headers too", async () => {
  const harness = await start(echo);
  const sockets = new WebSocketServer({ noServer: true });
  let seen: string | undefined;
  harness.onUpgrade((request, socket, head) => {
    seen = request.headers.authorization;
    sockets.handleUpgrade(request, socket, head, (open) => open.on("message", (data) => open.send(data)));
  });
  const client = new WebSocket(`wss://${realName}:${harness.port}/`, {
    ca: harness.ca,
    headers: { host: realName },
    lookup: (_host, _options, done) => done(null, [{ address: "127.0.0.1", family: 4 }]),
  });
  await once(client, "open");
  client.send("hello");
  const [message] = (await once(client, "message")) as [Buffer];
  expect([message.toString(), seen]).toEqual(["hello", "Bearer put-in"]);
  client.close();
  await once(client, "close");
});

test.each([
  ["another host", `GET / HTTP/1.1\r\nHost: other.example.com\r\n\r\n`, 421],
  ["another port", `GET / HTTP/1.1\r\nHost: ${realName}:8443\r\n\r\n`, 421],
  ["two hosts", `GET / HTTP/1.1\r\nHost: ${realName}\r\nHost: other.example.com\r\n\r\n`, 400],
  ["no host", `GET / HTTP/1.0\r\n\r\n`, 400],
  ["a whole URL", `GET https://other.example.com/ HTTP/1.1\r\nHost: ${realName}\r\n\r\n`, 400],
  ["TRACE", `TRACE / HTTP/1.1\r\nHost: ${realName}\r\n\r\n`, 405],
  [
    "an upgrade to another host",
    `GET / HTTP/1.1\r\nHost: other.example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
    421,
  ],
])("%s is refused, and nothing reaches the server", async (_what, sent, status) => {
  let reached = 0;
  const harness = await start((_request, response) => {
    reached++;
    response.end();
  });
  const answer = await raw(harness, sent);
  expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  expect(answer).not.toContain("put-in");
  expect([reached, harness.dials]).toEqual([0, 0]);
  expect(reasons(harness)).toEqual(["host"]);
});

test("CONNECT, and a request that hides another, end the connection", async () => {
  const harness = await start(echo);
  expect(await raw(harness, `CONNECT ${realName}:443 HTTP/1.1\r\nHost: ${realName}\r\n\r\n`)).not.toContain(
    "200",
  );
  const both = `POST / HTTP/1.1\r\nHost: ${realName}\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`;
  expect(await raw(harness, both)).toContain(" 400 ");
  expect(harness.dials).toBe(0);
});

test("the host may be written with the port, in capitals and with a closing dot", async () => {
  const harness = await start(echo);
  for (const host of [`${realName}:443`, realName.toUpperCase(), `${realName}.`]) {
    expect((await harness.ask({ headers: { host } })).status).toBe(200);
  }
});

test.each([
  ["expired", { validForMs: -1 }, "expired"],
  ["for another name", { names: ["other.example.com"] }, "altnames"],
  ["from nobody that the host trusts", { trusted: false }, "unable to"],
])("a server's certificate that is %s: 502 that says so, nothing sent", async (_what, options, says) => {
  let reached = 0;
  const harness = await start(() => reached++, options);
  const { status, body } = await harness.ask({ method: "POST" }, "body");
  expect([status, reached]).toEqual([502, 0]);
  expect(body).toContain("certificate of api.example.com is not valid");
  expect(body.toLowerCase()).toContain(says);
  expect(reasons(harness)).toEqual(["rule", "certificate"]);
});

test("a server that hangs up, before and within its answer", async () => {
  const harness = await start((request, response) => {
    if (request.url === "/before") request.socket.destroy();
    else {
      response.writeHead(200, { "content-length": "100" });
      response.write("part", () => request.socket.destroy());
    }
  });
  expect((await harness.ask({ path: "/before" })).status).toBe(502);
  await expect(harness.ask({ path: "/within" })).rejects.toThrow(/aborted|ECONNRESET/);
});

test("secrets: filled in from the vault, of this moment, and never their placeholder", async () => {
  const harness = await start(echo);
  harness.rule = { domain: realName, headers: { Authorization: "Bearer ${e2b.secrets.Key}" } };
  harness.vault.put(sandboxId, { revision: "1", values: { key: "first" } });
  expect((await harness.ask()).body).toContain("Bearer first");
  harness.vault.put(sandboxId, { revision: "2", values: { key: "second" } });
  expect((await harness.ask()).body).toContain("Bearer second");
  harness.vault.put(sandboxId, { revision: "3", values: {} });
  const gone = await harness.ask();
  expect([gone.status, gone.body]).toEqual([503, expect.stringContaining('no secret "key"')]);
  harness.vault.put(sandboxId, { revision: "4", values: { key: "two\r\nX-Other: lines" } });
  const unfit = await harness.ask();
  expect([unfit.status, unfit.body]).toEqual([503, expect.not.stringContaining("lines")]);
  expect(JSON.stringify(harness.decisions)).not.toMatch(/first|second|lines/);
});

test("a request waits for secrets that are still to be handed over", async () => {
  const harness = await start(echo);
  harness.rule = { domain: realName, headers: { Authorization: "${e2b.secrets.key}" } };
  const answer = harness.ask();
  await vi.waitFor(() => expect(harness.agent.requests).toBeDefined(), 10_000);
  harness.vault.put(sandboxId, { revision: "1", values: { key: "late" } });
  expect((await answer).body).toContain("late");
});

test("a program that does not trust the node's authority, or speaks only HTTP/2, is told by TLS", async () => {
  const harness = await start(echo);
  const { port } = harness;
  const untrusting = connectTls({ host: "127.0.0.1", port, servername: realName });
  const [refused] = (await once(untrusting, "error")) as [NodeJS.ErrnoException];
  expect(refused.code).toBe("SELF_SIGNED_CERT_IN_CHAIN");
  const modern = connectTls({
    host: "127.0.0.1",
    port,
    servername: realName,
    ca: harness.ca,
    ALPNProtocols: ["h2"],
  });
  const [alert] = (await once(modern, "error")) as [NodeJS.ErrnoException];
  expect(alert.code).toBe("ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL");
  // Node looks at certificates when the handshake is over, and says nothing of what it does not like.
  await vi.waitFor(() => expect(reasons(harness)).toEqual(["untrusted"]), 10_000);
  const either = connectTls({
    host: "127.0.0.1",
    port,
    servername: realName,
    ca: harness.ca,
    ALPNProtocols: ["h2", "http/1.1"],
  });
  await once(either, "secureConnect");
  expect(either.alpnProtocol).toBe("http/1.1");
  either.destroy();
});

test("more requests ahead of their answers than sixteen end the connection", async () => {
  const harness = await start(() => undefined);
  const answer = await raw(harness, `GET / HTTP/1.1\r\nHost: ${realName}\r\n\r\n`.repeat(17)).catch(String);
  expect(answer).not.toContain("HTTP/1.1 200");
});

test("when the server closes an idle connection, so does the client's, and the next request has a new one", async () => {
  const harness = await start((request, response) => {
    response.end("x", () => setImmediate(() => request.socket.destroySoon()));
  });
  expect((await harness.ask()).status).toBe(200);
  await vi.waitFor(() => expect(Object.keys(harness.agent.freeSockets)).toEqual([]), 10_000);
  expect((await harness.ask()).status).toBe(200);
  expect(harness.dials).toBe(2);
});

test("a client that goes away in the middle takes the way to the server with it", async () => {
  const begun: (string | undefined)[] = [];
  const ended: (string | undefined)[] = [];
  const harness = await start((request, response) => {
    begun.push(request.url);
    response.on("close", () => ended.push(request.url));
    if (request.url === "/down") response.write("part");
    else request.resume();
  });
  const down = harness.begin({ path: "/down" });
  down.end();
  await once(down, "response");
  down.destroy();
  await vi.waitFor(() => expect(ended).toEqual(["/down"]), 10_000);
  const up = harness.begin({ method: "POST", path: "/up" });
  up.write("part");
  await vi.waitFor(() => expect(begun).toEqual(["/down", "/up"]), 10_000);
  up.destroy();
  await vi.waitFor(() => expect(ended).toEqual(["/down", "/up"]), 10_000);
});

test("nothing is left of a hundred connections, however they ended", async () => {
  const harness = await start((request, response) => {
    if (request.url === "/cut") request.socket.destroy();
    else response.end("x");
  });
  const sockets = (): number =>
    process.getActiveResourcesInfo().filter((name) => /^(TCPSocketWrap|TLSWrap)$/.test(name)).length;
  const before = sockets();
  await Promise.all(
    Array.from({ length: 100 }, async (_, index) => {
      const path = index % 2 === 0 ? "/cut" : "/";
      await harness.ask({ path, agent: false });
    }),
  );
  await vi.waitFor(() => expect(sockets()).toBe(before), 5_000);
});

test.each([
  ["a status below 100", "HTTP/1.1 099 OK", 502],
  ["a control character behind the status", "HTTP/1.1 200 O\u0001K", 200],
])("a server that answers with %s is the client's problem only", async (_what, line, status) => {
  const harness = await start((request) => request.socket.end(`${line}\r\nContent-Length: 1\r\n\r\nx`));
  expect((await harness.ask()).status).toBe(status);
  harness.onUpgrade((_request, socket) => socket.end(`${line}\r\nContent-Length: 1\r\n\r\nx`));
  const head = `GET / HTTP/1.1\r\nHost: ${realName}\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n`;
  expect(await raw(harness, head)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
});
