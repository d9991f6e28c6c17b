import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server } from "node:net";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { createLoopbackBridge } from "./loopback-bridge.ts";

async function listening(server: Server, host: string): Promise<number> {
  server.listen(0, host);
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

async function callBridge(bridgePort: number, greeting: string) {
  const socket = connect({ port: bridgePort, host: "127.0.0.1", allowHalfOpen: true });
  socket.write(greeting);
  const [answer] = (await Promise.race([once(socket, "data"), once(socket, "close")])) as [unknown];
  return { socket, answer: Buffer.isBuffer(answer) ? answer.toString() : "closed" };
}

/** Answers with what it got, once the other side has said everything. */
const echoAtEnd = (): Server =>
  createServer({ allowHalfOpen: true }, (socket) => {
    void text(socket).then((said) => socket.end(`heard ${said}`));
  });

test.each(["127.0.0.1", "::1"])(
  "a program on %s is reached, and each direction ends by itself",
  async (host) => {
    const bridge = await listening(createLoopbackBridge(), "127.0.0.1");
    const port = await listening(echoAtEnd(), host);
    const { socket, answer } = await callBridge(bridge, `${port}\n`);
    expect(answer).toBe("+");
    socket.end("hello");
    expect(await text(socket)).toBe("heard hello");
  },
);

test("a port that nobody listens on is refused", async () => {
  const bridge = await listening(createLoopbackBridge(), "127.0.0.1");
  const free = createServer();
  const port = await listening(free, "127.0.0.1");
  free.close();
  await once(free, "close");
  expect((await callBridge(bridge, `${port}\n`)).answer).toBe("-");
});

test.each(["GET / HTTP/1.1\r\n\r\n", "0\n", "99999x\n", "80\nearly", "1234567"])(
  "%j is no greeting",
  async (greeting) => {
    const bridge = await listening(createLoopbackBridge(), "127.0.0.1");
    expect((await callBridge(bridge, greeting)).answer).toBe("closed");
  },
);
