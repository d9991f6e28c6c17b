import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { expect, test } from "vitest";
import { resetSocket } from "./reset-socket.ts";

/** Both ends of a connection. */
async function pair(): Promise<{ near: Socket; far: Socket } & AsyncDisposable> {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const far = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [near] = (await once(server, "connection")) as [Socket];
  return {
    near,
    far,
    [Symbol.asyncDispose]: async () => {
      near.destroy();
      far.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

test("the other end sees a reset", async () => {
  await using ends = await pair();
  const error = once(ends.far, "error");
  resetSocket(ends.near);
  expect(await error).toMatchObject([{ code: "ECONNRESET" }]);
});

test("a connection that is ending is closed, not lost", async () => {
  await using ends = await pair();
  ends.near.end();
  const closed = once(ends.near, "close");
  resetSocket(ends.near);
  expect(await closed).toEqual([false]);
});

test("repeating it does nothing", async () => {
  await using ends = await pair();
  const error = once(ends.far, "error");
  const closed = once(ends.near, "close");
  resetSocket(ends.near);
  resetSocket(ends.near);
  await Promise.all([error, closed]);
  expect(ends.near.destroyed).toBe(true);
});
