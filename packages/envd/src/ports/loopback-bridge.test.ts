import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { createLoopbackBridge } from "./loopback-bridge.ts";

async function listening(server: Server, host: string): Promise<number> {
  server.listen(0, host);
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** Says `greeting`, and what follows once it was welcomed; gives everything that came back. */
async function callBridge(bridgePort: number, greeting: string, next = ""): Promise<string> {
  const socket = connect({ port: bridgePort, host: "127.0.0.1", allowHalfOpen: true });
  socket.write(greeting);
  let heard = "";
  socket.on("data", (chunk: Buffer) => {
    heard += chunk.toString();
    if (heard === "+") socket.end(next);
  });
  await Promise.race([once(socket, "end"), once(socket, "close")]);
  socket.destroy();
  return heard;
}

/** Answers with what it got, once the other side has said everything. */
const echoAtEnd = (): Server =>
  createServer({ allowHalfOpen: true }, (socket) => {
    let said = "";
    socket.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
    socket.on("end", () => socket.end(`heard ${said}`));
  });

test.each(["127.0.0.1", "::1"])(
  "a program on %s is reached, and each direction ends by itself",
  async (host) => {
    const bridge = await listening(createLoopbackBridge(), "127.0.0.1");
    const port = await listening(echoAtEnd(), host);
    expect(await callBridge(bridge, `${port}\n`, "hello")).toBe("+heard hello");
  },
);

test.each(["GET / HTTP/1.1\r\n\r\n", "0\n", "99999x\n", "80\nearly", "1234567"])(
  "%j is no greeting",
  async (greeting) => {
    const bridge = await listening(createLoopbackBridge(), "127.0.0.1");
    expect(await callBridge(bridge, greeting)).toBe("");
  },
);
