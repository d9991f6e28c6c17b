import { once } from "node:events";
import { connect as connectNet, createServer, type AddressInfo } from "node:net";
import { connect } from "node:tls";
import { expect, test } from "vitest";
import { readClientHello } from "./client-hello.ts";
import { classify } from "./first-bytes.ts";

/** What Node's own TLS says first. */
async function helloOf(servername: string | undefined): Promise<Buffer> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const raw = connectNet((server.address() as AddressInfo).port, "127.0.0.1");
  const accepted = once(server, "connection");
  const tls = connect({ socket: raw, ...(servername === undefined ? {} : { servername }) });
  tls.on("error", () => undefined);
  const [socket] = (await accepted) as [typeof raw];
  const chunks: Buffer[] = [];
  for await (const chunk of socket) {
    chunks.push(chunk as Buffer);
    if (readClientHello(Buffer.concat(chunks)).state !== "incomplete") break;
  }
  tls.destroy();
  raw.destroy();
  server.close();
  return Buffer.concat(chunks);
}

/** The same handshake in records of at most `size` bytes. */
function fragmented(hello: Buffer, size: number): Buffer {
  const records: Buffer[] = [];
  for (let at = 5; at < hello.length; at += size) {
    const part = hello.subarray(at, at + size);
    records.push(Buffer.from([22, 3, 1, part.length >> 8, part.length & 255]), part);
  }
  return Buffer.concat(records);
}

test("finds the name however the hello is cut up", async () => {
  const hello = await helloOf("API.example.com");
  const expected = { state: "hello", serverName: "api.example.com" };
  expect(readClientHello(hello)).toEqual(expected);
  for (const size of [1, 7, 100]) {
    const cut = fragmented(hello, size);
    expect(readClientHello(cut)).toEqual(expected);
    for (let length = 0; length < cut.length; length += 13) {
      expect(readClientHello(cut.subarray(0, length)).state).toBe("incomplete");
    }
  }
  expect(readClientHello(Buffer.concat([hello, Buffer.from("more")]))).toEqual(expected);
});

test("a hello without a name has none", async () => {
  expect(readClientHello(await helloOf(undefined))).toEqual({ state: "hello", serverName: undefined });
});

test("what is damaged, doubled or no host name is never taken for a name", async () => {
  const hello = await helloOf("a.example");
  const at = hello.indexOf("a.example");
  for (const [index, byte] of [
    [at, 0],
    [at + 1, 0x2f],
    [at - 3, 1],
  ] as const) {
    const changed = Buffer.from(hello);
    changed[index] = byte;
    expect(readClientHello(changed)).toEqual({ state: "hello", serverName: undefined });
  }
  // Lengths that reach beyond their part.
  for (const index of [at - 1, at - 4, 43]) {
    const changed = Buffer.from(hello);
    changed[index] = 255;
    const reading = readClientHello(changed);
    expect(reading.state === "hello" ? reading.serverName : undefined).not.toBe("a.example");
  }
  for (let length = 0; length < hello.length; length++) {
    expect(readClientHello(hello.subarray(0, length)).state).toBe("incomplete");
  }
});

test("random bytes never throw", () => {
  let seed = 7;
  const next = (): number => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) & 255;
  for (let round = 0; round < 2_000; round++) {
    const noise = Buffer.from(Array.from({ length: 60 }, next));
    const record = Buffer.from([22, 3, 1, 0, 60, 1, 0, 0, 56]);
    expect(() => readClientHello(Buffer.concat([record, noise]))).not.toThrow();
    expect(() => classify(noise)).not.toThrow();
  }
});

test.each([
  ["GET / HTTP/1.1\r\n", "http"],
  ["OPTIONS * HTTP/1.1\r\n", "http"],
  ["M-SEARCH * HTTP/1.1\r\n", "http"],
  ["\r\n\r\nGET / HTTP/1.1\r\n", "http"],
  ["get / HTTP/1.1\n", "http"],
  [" GET / HTTP/1.1\r\n", "http"],
  ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "http"],
  [`GET /${"x".repeat(8192)}`, "http"],
  ["EHLO mail.example\r\n", "unknown"],
  ["*1\r\n$4\r\nPING\r\n", "unknown"],
  ["x".repeat(8192), "unknown"],
  ["\r\n", undefined],
  ["GET / HTTP/1.1", undefined],
  ["SSH-2.0-OpenSSH\r\n", "unknown"],
  ["\x00\x00\x00\x08\x04\xd2\x16/", "unknown"],
  ["GET", undefined],
  ["GET ", undefined],
])("%j begins %s", (text, kind) => {
  expect(classify(Buffer.from(text, "latin1"))?.kind).toBe(kind);
});
