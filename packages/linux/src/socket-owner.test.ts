import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { expect, test } from "vitest";
import { peerUserOf } from "./socket-owner.ts";

test.each([
  ["127.0.0.1", "127.0.0.1"],
  ["::", "127.0.0.1"],
  ["127.0.0.1", "::ffff:127.0.0.1"],
])("the user behind a connection to %s from %s", async (bound, target) => {
  const server = createServer();
  server.listen(0, bound);
  await once(server, "listening");
  const client = connect((server.address() as AddressInfo).port, target);
  const [socket] = (await once(server, "connection")) as [Socket];
  expect(peerUserOf(socket)).toBe(process.getuid?.());
  client.destroy();
  socket.destroy();
  expect(peerUserOf(socket)).toBe(undefined);
  server.close();
});
