import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { connect, createServer, type AddressInfo, type Server } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { silentLogger } from "@sandbank/core/logger";
import { loopbackBridgePort } from "@sandbank/protocol/headers";
import { WebSocket, WebSocketServer } from "ws";
import { createProxy } from "./server.ts";

// 127.0.7.1 stands for the sandbox's address; the program listens only on 127.0.7.2, its loopback.
const sandboxId = "iaaaaaaaaaaaaaaaaaaaa";
const [hostAddress, loopback] = ["127.0.7.1", "127.0.7.2"];

async function listen(server: Server, host: string, port = 0): Promise<number> {
  server.listen(port, host);
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** Answers as the daemon's bridge does. */
const bridge = (): Server =>
  createServer((caller) => {
    caller.once("data", (line: Buffer) => {
      const program = connect({ port: Number(line.toString()), host: loopback });
      program.once("connect", () => {
        caller.write("+");
        caller.pipe(program).pipe(caller);
      });
      program.on("error", () => caller.end("-"));
      caller.on("error", () => program.destroy());
    });
  });

async function edgePort(): Promise<number> {
  const directory = {
    lookup: (id: string) => (id === sandboxId ? { sandboxId, hostAddress } : undefined),
    findBySignature: () => undefined,
    onGone: () => () => undefined,
  };
  const proxy = createProxy({ directory, logger: silentLogger });
  const { port } = await proxy.listen({ host: "127.0.0.1", port: 0 });
  onTestFinished(() => proxy.close({ graceMs: 0 }));
  return port;
}

const routing = (port: number) => ({ "E2b-Sandbox-Id": sandboxId, "E2b-Sandbox-Port": String(port) });

test("requests, bodies and WebSockets reach a program on the sandbox's loopback", async () => {
  const program = createHttpServer((request, response) => request.pipe(response));
  new WebSocketServer({ server: program }).on("connection", (socket) => {
    socket.on("message", (data: Buffer) => socket.send(`echo ${data.toString()}`));
  });
  const port = await listen(program, loopback);
  await listen(bridge(), hostAddress, loopbackBridgePort);
  const edge = await edgePort();
  const body = "x".repeat(1_000_000);
  const response = await fetch(`http://127.0.0.1:${edge}/`, { method: "POST", body, headers: routing(port) });
  expect(await response.text()).toBe(body);

  const socket = new WebSocket(`ws://127.0.0.1:${edge}/`, { headers: routing(port) });
  await once(socket, "open");
  socket.send("hello");
  const [message] = (await once(socket, "message")) as [Buffer];
  expect(message.toString()).toBe("echo hello");
  socket.close();
});

test("a port that is closed there too is reported as closed", async () => {
  const free = createServer();
  const port = await listen(free, loopback);
  free.close();
  await listen(bridge(), hostAddress, loopbackBridgePort);
  const response = await fetch(`http://127.0.0.1:${await edgePort()}/`, { headers: routing(port) });
  expect(response.status).toBe(502);
  expect(await response.json()).toMatchObject({
    message: "The sandbox is running but port is not open",
    port,
  });
});
