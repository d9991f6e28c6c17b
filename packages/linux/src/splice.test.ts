import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { Splice } from "./splice.ts";

/** Two ends of a connection; nobody reads from the second one. */
async function pair(): Promise<[Socket, Socket]> {
  const server = createServer({ pauseOnConnect: true }).listen(0, "127.0.0.1");
  const accepted = once(server, "connection") as Promise<[Socket]>;
  await once(server, "listening");
  const near = connect({ port: (server.address() as AddressInfo).port, host: "127.0.0.1" });
  const [[far]] = await Promise.all([accepted, once(near, "connect")]);
  server.close();
  for (const socket of [near, far]) {
    socket.on("error", () => undefined);
    onTestFinished(() => void socket.destroy());
  }
  return [near, far];
}

const fdOf = (socket: Socket): number => (socket as unknown as { _handle: { fd: number } })._handle.fd;

const descriptors = (): string[] => readdirSync("/proc/self/fd");

async function setUp(length: number) {
  const [sender, source] = await pair();
  const [target, receiver] = await pair();
  const before = descriptors().length;
  const { promise: done, resolve } = Promise.withResolvers<Error | undefined>();
  const splice = new Splice({ source: fdOf(source), target: fdOf(target), length }, resolve);
  return { sender, source, target, receiver, splice, done, before };
}

async function hashOf(socket: Socket, length: number, pauseMs = 0): Promise<string> {
  const hash = createHash("sha256");
  let received = 0;
  for await (const chunk of socket) {
    hash.update(chunk as Buffer);
    received += (chunk as Buffer).length;
    if (pauseMs > 0 && received % 7 === 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    if (received >= length) break;
  }
  expect(received).toBe(length);
  return hash.digest("hex");
}

test.each([
  [1, 0],
  [100_000, 0],
  [30_000_000, 0],
  [3_000_000, 2],
])("%d bytes arrive as they were sent; the reader pauses for %d ms", async (length, pauseMs) => {
  const { sender, receiver, splice, done, before } = await setUp(length);
  const data = randomBytes(length);
  sender.write(data);
  expect(await hashOf(receiver, length, pauseMs)).toBe(createHash("sha256").update(data).digest("hex"));
  expect(await done).toBeUndefined();
  expect(splice.moved).toBe(length);
  // The loop over the receiver has closed it.
  expect(descriptors().length).toBe(before - 1);
});

test("bytes in small parts are passed on at once, and what comes after the length stays", async () => {
  const { sender, source, receiver, done } = await setUp(6);
  for (const text of ["ab", "cd", "ef"]) {
    sender.write(text === "ef" ? "ef and more" : text);
    expect(String((await once(receiver.resume(), "data"))[0])).toBe(text);
  }
  expect(await done).toBeUndefined();
  expect(String((await once(source.resume(), "data"))[0])).toBe(" and more");
});

test("a source that ends early, and a target that is gone", async () => {
  const early = await setUp(100);
  early.sender.end("abc");
  expect((await early.done)?.message).toMatch(/ended/);
  const gone = await setUp(10_000_000);
  gone.receiver.resetAndDestroy();
  gone.sender.write(Buffer.alloc(10_000_000));
  expect((await gone.done)?.message).toMatch(/EPIPE|ECONNRESET/);
});

test("cancelling lets go of everything, also when the sockets are gone already", async () => {
  const { sender, source, target, receiver, splice, done, before } = await setUp(100_000_000);
  sender.write(Buffer.alloc(50_000_000));
  await once(
    receiver.once("readable", () => undefined),
    "readable",
  );
  source.destroy();
  target.destroy();
  splice.cancel();
  splice.cancel();
  await Promise.all([once(source, "close"), once(target, "close")]);
  expect(descriptors().length).toBe(before - 2);
  expect(await Promise.race([done, new Promise((resolve) => setTimeout(resolve, 50, "silent"))])).toBe(
    "silent",
  );
});
