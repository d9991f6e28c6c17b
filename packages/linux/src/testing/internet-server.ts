import { createHash } from "node:crypto";
import { createSocket } from "node:dgram";
import { readFileSync } from "node:fs";
import { createServer as createHttp } from "node:http";
import { connect, createServer, type Socket } from "node:net";
import { createServer as createTls } from "node:tls";
import type { InternetSetup } from "./fake-internet.ts";

// Runs inside the namespace that plays the internet; says one JSON line for each thing that reaches it.

const setup = JSON.parse(readFileSync(0, "utf8")) as InternetSetup;
const say = (event: object): void => void process.stdout.write(`${JSON.stringify(event)}\n`);
const ignoreErrors = (socket: Socket): Socket => socket.on("error", () => socket.destroy());

/** Echo on 7000; on 7001 the server speaks first. */
const echo = createServer({ allowHalfOpen: true }, (socket) => {
  say({ kind: "tcp", to: socket.localAddress });
  ignoreErrors(socket).pipe(socket);
});
const greeter = createServer((socket) => {
  ignoreErrors(socket).end("220 ready\n");
});

/** Of what was sent, so that it is not told to whoever asked. */
const digestOf = (authorization = ""): string => createHash("sha256").update(authorization).digest("hex");

/** HTTP says which address and host it was asked for; with `x-` headers of the request. */
const http = createHttp((request, response) => {
  const to = request.socket.localAddress;
  say({ kind: "http", to, host: request.headers.host, url: request.url });
  if (request.url === "/redirect") {
    response.writeHead(302, { location: "http://169.254.169.254/latest/meta-data/" }).end();
    return;
  }
  request.on("data", () => undefined);
  response.setHeader("x-authorization-digest", digestOf(request.headers.authorization));
  request.on("end", () => response.end(`http ${to} ${request.headers.host}`));
});
http.on("upgrade", (_request, socket) => {
  socket.on("error", () => socket.destroy());
  socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
  socket.pipe(socket);
});
const tls = createTls({ key: setup.key, cert: setup.certificate }, (socket) => {
  const to = socket.localAddress;
  const name = socket.servername || "no name";
  say({ kind: "tls", to, name });
  socket.on("error", () => socket.destroy());
  socket.once("data", (head) => {
    const body = `tls ${to} ${name}`;
    const digest = digestOf(/^authorization: (.*)\r$/im.exec(head.toString("latin1"))?.[1]);
    socket.end(
      `HTTP/1.1 200 OK\r\nX-Authorization-Digest: ${digest}\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
    );
  });
});

// Also of those that end before the handshake does.
tls.on("connection", (socket: Socket) => say({ kind: "tcp", to: socket.localAddress }));

/** Answers A questions from the zone; a name with several answers gives the next one each time. */
const asked = new Map<string, number>();
function dnsAnswer(query: Buffer): Buffer {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  const question = query.subarray(12, at + 5);
  const isAddressQuestion = query.readUInt16BE(at + 1) === 1;
  const name = labels.join(".").toLowerCase();
  const known = setup.zone[name];
  const count = asked.get(name) ?? 0;
  if (isAddressQuestion) asked.set(name, count + 1);
  say({ kind: "dns", name });
  const address = isAddressQuestion ? known?.[count % known.length] : undefined;
  const header = Buffer.alloc(12);
  query.copy(header, 0, 0, 2);
  header.writeUInt16BE(known ? 0x8580 : 0x8583, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(address ? 1 : 0, 6);
  if (!address) return Buffer.concat([header, question]);
  const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...address.split(".").map(Number)]);
  return Buffer.concat([header, question, record]);
}

/** SOCKS5 with a password; only ever connects within this namespace. */
const socks = createServer((client) => {
  ignoreErrors(client);
  const steps = socksSteps(client);
  steps.next();
  client.on("data", (chunk: Buffer) => steps.next(chunk));
});
function* socksSteps(client: Socket): Generator<undefined, void, Buffer> {
  yield;
  client.write(Buffer.from([5, 2]));
  const login: Buffer = yield;
  const userLength = login[1] ?? 0;
  const user = login.toString("utf8", 2, 2 + userLength);
  const password = login.toString("utf8", 3 + userLength);
  const isRight = user === "user" && password === "pass";
  client.write(Buffer.from([1, isRight ? 0 : 1]));
  if (!isRight) {
    client.end();
    return;
  }
  const request: Buffer = yield;
  const isName = request[3] === 3;
  const end = isName ? 5 + (request[4] ?? 0) : 8;
  const host = isName ? request.toString("utf8", 5, end) : [...request.subarray(4, 8)].join(".");
  const port = request.readUInt16BE(end);
  say({ kind: "socks", host, port });
  const target = connect({ host: setup.zone[host]?.[0] ?? host, port, allowHalfOpen: true });
  ignoreErrors(target).on("connect", () => {
    client.removeAllListeners("data");
    client.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]));
    client.pipe(target).pipe(client);
  });
  target.on("error", () => client.destroy());
}

const tlsSocks = createTls({ key: setup.key, cert: setup.certificate }, (socket) => {
  socks.emit("connection", socket);
});

const listeners = [
  [echo, 7000],
  [greeter, 7001],
  [http, 80],
  [http, 8080],
  [tls, 443],
  [tls, 8443],
  [socks, 1080],
  [tlsSocks, 1443],
] as const;
const listening = new Set<object>();
const waits = listeners.map(([server, port]) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  // One HTTP server listens once; a second port is one more of the same.
  const target = listening.has(server) ? createServer((socket) => server.emit("connection", socket)) : server;
  listening.add(server);
  target.listen(port, "0.0.0.0", resolve);
  return promise;
});
// One for each address: an answer must come from the address that was asked.
for (const address of setup.addresses) {
  for (const [answer, port] of [
    [(message: Buffer): Buffer => message, 7000],
    [dnsAnswer, 53],
  ] as const) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const socket = createSocket("udp4", (message, from) =>
      socket.send(answer(message), from.port, from.address),
    );
    socket.bind(port, address, resolve);
    waits.push(promise);
  }
}
await Promise.all(waits);
say({ kind: "ready" });
