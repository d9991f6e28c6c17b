import { once } from "node:events";
import { connect, constants, type ClientHttp2Session, type IncomingHttpHeaders } from "node:http2";
import { connect as connectTcp } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { sandboxId, startEdge, startService, type TestEdge } from "./testing/harness.ts";

function client(edge: TestEdge): ClientHttp2Session {
  const session = connect(`http://127.0.0.1:${edge.port}`);
  session.on("error", () => undefined);
  onTestFinished(() => session.destroy());
  return session;
}

interface Reply {
  headers: IncomingHttpHeaders;
  body: string;
}

async function ask(
  session: ClientHttp2Session,
  port: number,
  path: string,
  body?: Buffer | string,
): Promise<Reply> {
  const method = body === undefined ? "GET" : "POST";
  const authority = `${port}-${sandboxId}.sandbox.test`;
  const stream = session.request(
    { ":method": method, ":path": path, ":authority": authority },
    { endStream: body === undefined },
  );
  if (body !== undefined) stream.end(body);
  const [headers] = (await once(stream, "response")) as [IncomingHttpHeaders];
  let text = "";
  for await (const chunk of stream.setEncoding("utf8")) text += String(chunk);
  return { headers, body: text };
}

test("HTTP/2 without TLS reaches a service, streams at the same time, bodies both ways", async () => {
  await using edge = await startEdge();
  await using service = await startService((request, response) => {
    let bytes = 0;
    request.on("data", (chunk: Buffer) => (bytes += chunk.length));
    request.on("end", () => {
      response.writeHead(201, { "x-host": request.headers.host ?? "" });
      response.write(`${request.method} ${request.url} ${bytes} `);
      response.end("end");
    });
  });
  const session = client(edge);
  const replies = await Promise.all([
    ask(session, service.port, "/one?a=b"),
    ask(session, service.port, "/two", Buffer.alloc(3_000_000)),
  ]);
  expect(replies.map(({ body }) => body)).toEqual(["GET /one?a=b 0 end", "POST /two 3000000 end"]);
  expect(replies[0]?.headers).toMatchObject({
    ":status": 201,
    "x-host": `${service.port}-${sandboxId}.sandbox.test`,
  });
  expect(replies[0]?.headers).not.toHaveProperty("connection");
});

test("errors are those of HTTP/1, and clients of HTTP/1 that begin with the same letter are none of HTTP/2", async () => {
  await using edge = await startEdge();
  const reply = await ask(client(edge), 1, "/");
  expect(reply.headers[":status"]).toBe(502);
  expect(JSON.parse(reply.body)).toMatchObject({
    message: "The sandbox is running but port is not open",
    port: 1,
  });
  const socket = connectTcp(edge.port, "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  for (const piece of ["P", "RO", "PFIND / HTTP/1.1\r\nHost: x\r\n\r\n"]) {
    socket.write(piece);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(String((await once(socket, "data"))[0])).toContain("HTTP/1.1 400");
});

test("a stream ends with its sandbox, and a client that cancels is gone for the service", async () => {
  await using edge = await startEdge();
  const { promise: gone, resolve } = Promise.withResolvers<string>();
  await using service = await startService((request, response) => {
    response.write("begun");
    response.on("close", () => resolve(request.url ?? ""));
  });
  const session = client(edge);
  const start = async (path: string) => {
    const stream = session.request({
      ":path": path,
      ":authority": `${service.port}-${sandboxId}.sandbox.test`,
    });
    stream.on("error", () => undefined);
    await once(stream, "data");
    return stream;
  };
  const cancelled = await start("/cancelled");
  cancelled.close(constants.NGHTTP2_CANCEL);
  expect(await gone).toBe("/cancelled");
  const cut = await start("/cut");
  const closed = new Promise((resolve) => cut.once("close", resolve));
  edge.directory.end(sandboxId);
  await closed;
  expect(cut.rstCode).toBe(constants.NGHTTP2_INTERNAL_ERROR);
});

test("closing waits for streams that are under way, for as long as it is told", async () => {
  const edge = await startEdge();
  await using service = await startService((_, response) => void response.write("begun"));
  const silent = connectTcp(edge.port, "127.0.0.1");
  const silentGone = once(silent, "close");
  const stream = client(edge).request({
    ":path": "/",
    ":authority": `${service.port}-${sandboxId}.sandbox.test`,
  });
  stream.on("error", () => undefined);
  await once(stream, "data");
  const ended = new Promise((resolve) => stream.once("close", resolve));
  await edge.proxy.close({ graceMs: 100 });
  await Promise.all([ended, silentGone]);
  expect(silent.destroyed).toBe(true);
});
