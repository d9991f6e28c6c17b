import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { StatRequestSchema, StatResponseSchema } from "@sandbank/protocol/gen/filesystem_pb";
import { StartRequestSchema, StartResponseSchema } from "@sandbank/protocol/gen/process_pb";
import { fileSignature } from "@sandbank/protocol/signature";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeFrame, FrameDecoder } from "./rpc/frames.ts";
import { startOnBun, startOnNode, type TestDaemon } from "./testing/daemons.ts";
import { WireClient } from "./testing/wire-client.ts";

const token = "secret-token";
const json = { "content-type": "application/json" };

describe.each([
  ["node", startOnNode],
  ["bun", startOnBun],
] as const)("access on %s", (_runtime, start) => {
  let daemon: TestDaemon;
  let client: WireClient;
  beforeAll(async () => {
    daemon = await start();
    client = new WireClient(daemon.port);
  });
  afterAll(() => daemon.stop());
  const init = (body: object, headers = {}) =>
    client.http("POST", "/init", { ...json, ...headers }, JSON.stringify(body));

  it("speaks the binary codec as it speaks JSON", async () => {
    const path = "/etc/passwd";
    const request = toBinary(StatRequestSchema, create(StatRequestSchema, { path }));
    const type = { "content-type": "application/proto" };
    const reply = await client.http("POST", "/filesystem.Filesystem/Stat", type, request);
    const { entry } = fromBinary(StatResponseSchema, reply.body);
    const { body } = await client.unary("filesystem.Filesystem/Stat", { path });
    expect(entry?.size.toString()).toBe((body["entry"] as { size: string }).size);
    const call = create(StartRequestSchema, { process: { cmd: "/bin/echo", args: ["hi"] }, stdin: false });
    const frame = encodeFrame(0, toBinary(StartRequestSchema, call));
    const stream = { "content-type": "application/connect+proto" };
    const { body: frames } = await client.http("POST", "/process.Process/Start", stream, frame);
    const events = new FrameDecoder().push(frames).filter(({ flags }) => flags === 0);
    const cases = events.map(({ payload }) => fromBinary(StartResponseSchema, payload).event?.event);
    expect(cases.map((event) => event?.case)).toEqual(["start", "data", "end"]);
    const garbage = await client.http("POST", "/filesystem.Filesystem/Stat", type, "\xff\xff\xff");
    expect(garbage.status).toBe(400);
  });

  it("survives malformed requests with a clear error", async () => {
    const post = (path: string, body: string | Buffer) => {
      const head = `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/connect+json\r\nContent-Length: ${body.length}\r\n\r\n`;
      return Buffer.concat([Buffer.from(head), Buffer.from(body)]);
    };
    const start = "/process.Process/Start";
    expect(await client.raw(post(start, Buffer.from([0, 255, 255, 255, 255])), "}}")).toContain(
      "resource_exhausted",
    );
    expect(await client.raw(post(start, Buffer.from([0, 0, 0, 1, 0, 65])), "}}")).toContain(
      "invalid_argument",
    );
    expect(await client.raw(post(start, Buffer.from([0, 0, 0, 0, 1, 65])), "}}")).toContain("not valid JSON");
    expect(await client.raw(post(start, Buffer.from([1, 0, 0, 0, 1, 65])), "}}")).toContain(
      "without an encoding",
    );
    const flood = "X-Header: 0123456789012345678901234567890123456789\r\n".repeat(4000);
    expect(await client.raw(`GET /health HTTP/1.1\r\nHost: x\r\n${flood}\r\n`, "\r\n\r\n")).toMatch(
      /^(HTTP\/1.1 431|$)/,
    );
    const stat = (path: string) => client.unary("filesystem.Filesystem/Stat", { path });
    expect((await stat("/a\0b")).body["code"]).toBe("invalid_argument");
    expect((await stat(`/${"x".repeat(5000)}`)).body["code"]).toBe("invalid_argument");
    expect((await stat("~other/x")).body["code"]).toBe("invalid_argument");
    expect((await client.http("GET", "/health")).status).toBe(204);
  });

  it("sets the environment, the newest call counting", async () => {
    await init({ envVars: { A: "1", E2B_SANDBOX_ID: "id1" }, timestamp: "2026-01-02T00:00:00Z" });
    await init({ envVars: { A: "old" }, timestamp: "2026-01-01T00:00:00Z" });
    expect(JSON.parse((await client.http("GET", "/envs")).body.toString())).toMatchObject({
      A: "1",
      E2B_SANDBOX_ID: "id1",
    });
    const reply = await init({ envVars: { B: "2", E2B_SANDBOX_ID: "id2" } });
    expect([reply.status, reply.headers["x-envd-version"]]).toEqual([204, "0.6.13"]);
    const env = JSON.parse((await client.http("GET", "/envs")).body.toString()) as Record<string, string>;
    expect(env).toEqual({ B: "2", E2B_SANDBOX_ID: "id1", E2B_SANDBOX: "true" });
  });

  it("wants the token or a signature once a token is set", async () => {
    expect((await init({ accessToken: token })).status).toBe(204);
    expect((await init({})).status).toBe(401);
    expect((await init({ accessToken: "wrong" })).status).toBe(401);
    expect((await init({}, { "x-access-token": token })).status).toBe(204);
    expect((await client.http("GET", "/health")).status).toBe(204);
    expect((await client.http("GET", "/metrics")).status).toBe(401);
    expect((await client.http("GET", "/metrics", { "x-access-token": token })).status).toBe(200);
    expect((await client.http("POST", "/process.Process/List", json, "{}")).status).toBe(401);
    const signed = (expiration?: number, operation: "read" | "write" = "read") => {
      const signature = encodeURIComponent(
        fileSignature({ path: "/etc/hostname", operation, username: "", expiration }, token),
      );
      const expires = expiration === undefined ? "" : `&signature_expiration=${expiration}`;
      return client.http("GET", `/files?path=/etc/hostname&signature=${signature}${expires}`);
    };
    const now = Math.floor(Date.now() / 1000);
    expect((await signed()).status).toBe(200);
    expect((await signed(now + 60)).status).toBe(200);
    expect((await signed(now - 60)).status).toBe(401);
    expect((await signed(undefined, "write")).status).toBe(401);
    expect((await client.http("GET", "/files?path=/etc/hostname")).status).toBe(401);
  });
});
