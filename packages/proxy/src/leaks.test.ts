import { once } from "node:events";
import { connect } from "node:net";
import { poll } from "@sandbank/core/deadline";
import { expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { sandboxId, send, startEdge, startService, to } from "./testing/harness.ts";

const openSockets = (): number =>
  process.getActiveResourcesInfo().filter((name) => name.startsWith("TCPSocketWrap")).length;

/** Failing is what some of these are for; what counts is what they leave behind. */
const settle = (work: Promise<unknown>): Promise<unknown> => work.catch(() => undefined);

test(
  "hundreds of requests that end in every way leave no connection behind",
  { timeout: 60_000 },
  async () => {
    const before = openSockets();
    const edge = await startEdge();
    const service = await startService((request, response) => {
      if (request.url === "/break") response.write("x", () => request.socket.resetAndDestroy());
      else if (request.url === "/silent") return;
      else request.pipe(response);
    });
    const sockets = new WebSocketServer({ server: service.server });
    sockets.on("connection", (socket) => socket.on("message", (data) => socket.send(data)));

    const abandoned = async (path: string): Promise<void> => {
      const client = connect({ host: "127.0.0.1", port: edge.port });
      client.on("error", () => undefined);
      await once(client, "connect");
      client.write(
        `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\nE2b-Sandbox-Id: ${sandboxId}\r\n` +
          `E2b-Sandbox-Port: ${service.port}\r\n\r\nhalf`,
      );
      setTimeout(() => client.destroy(), 5);
      await once(client, "close");
    };
    const webSocket = async (end: (socket: WebSocket) => void): Promise<void> => {
      const socket = new WebSocket(`ws://127.0.0.1:${edge.port}/`, { headers: to(service.port) });
      await once(socket, "open");
      socket.send("x");
      await once(socket, "message");
      end(socket);
      await once(socket, "close");
    };
    const kinds: (() => Promise<unknown>)[] = [
      () => send(edge, { method: "POST", headers: to(service.port), body: "x" }),
      () => send(edge, { headers: to(service.port) }),
      () => send(edge, { path: "/break", headers: to(service.port) }),
      () => send(edge, { headers: to(service.port, "inosuch") }),
      () => abandoned("/silent"),
      () => abandoned("/echo"),
      () => webSocket((socket) => socket.close()),
      () => webSocket((socket) => socket.terminate()),
    ];
    for (let round = 0; round < 10; round++) {
      await Promise.all([...kinds, ...kinds, ...kinds, ...kinds].map((kind) => settle(kind())));
    }
    // Refused dials and an endless stream meet the end of the sandbox.
    const cut = [
      settle(send(edge, { headers: to(1) })),
      settle(send(edge, { path: "/silent", headers: to(service.port) })),
      settle(webSocket(() => undefined)),
    ];
    await poll(() => sockets.clients.size > 0 || undefined, { timeoutMs: 10_000 });
    edge.directory.end(sandboxId);
    await Promise.all(cut);
    await edge.proxy.close({ graceMs: 0 });
    sockets.close();
    await service[Symbol.asyncDispose]();
    const back = await poll(() => openSockets() <= before || undefined, { timeoutMs: 5_000, intervalMs: 20 });
    expect({ back, open: openSockets() }).toEqual({ back: true, open: before });
  },
);
