import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { get, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startOnBun, startOnNode, type TestDaemon } from "./testing/daemons.ts";
import { WireClient } from "./testing/wire-client.ts";

const octets = { "content-type": "application/octet-stream" };

describe.each([
  ["node", startOnNode],
  ["bun", startOnBun],
] as const)("files on %s", (_runtime, start) => {
  let daemon: TestDaemon;
  let client: WireClient;
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "envd-files-"));
    daemon = await start();
    client = new WireClient(daemon.port);
  });
  afterAll(async () => {
    await daemon.stop();
    await rm(dir, { recursive: true });
  });
  const at = (path: string) => `/files?path=${encodeURIComponent(join(dir, path))}`;
  const messageOf = (body: Buffer) => (JSON.parse(body.toString()) as { message: string }).message;

  it("stores a body below new directories and gives it back", async () => {
    const stored = await client.http("POST", at("a/b/ö.txt"), octets, "hello");
    expect(JSON.parse(stored.body.toString())).toEqual([
      { path: join(dir, "a/b/ö.txt"), name: "ö.txt", type: "file" },
    ]);
    expect((await stat(join(dir, "a/b/ö.txt"))).mode & 0o777).toBe(0o644);
    expect((await client.http("GET", at("a/b/ö.txt"))).body.toString()).toBe("hello");
  });

  it("takes gzip and gives it", async () => {
    const text = "x".repeat(100_000);
    await client.http("POST", at("gz"), { ...octets, "content-encoding": "gzip" }, gzipSync(text));
    expect(await readFile(join(dir, "gz"), "utf8")).toBe(text);
    const reply = await client.http("GET", at("gz"), { "accept-encoding": "gzip, deflate" });
    expect(reply.headers["content-encoding"]).toBe("gzip");
    expect(gunzipSync(reply.body).toString()).toBe(text);
    const bad = await client.http("POST", at("bad"), { ...octets, "content-encoding": "gzip" }, "no gzip");
    expect(bad.status).toBe(400);
  });

  it("takes a large file and gives it back byte for byte, however slow the reader", async () => {
    const bytes = randomBytes(24 * 1024 * 1024 + 1);
    await client.http("POST", at("large"), octets, bytes);
    expect(Buffer.compare(await readFile(join(dir, "large")), bytes)).toBe(0);
    const form = `--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n`;
    const body = Buffer.concat([Buffer.from(form), bytes, Buffer.from("\r\n--b--\r\n")]);
    await client.http("POST", at("parts"), { "content-type": "multipart/form-data; boundary=b" }, body);
    expect(Buffer.compare(await readFile(join(dir, "parts")), bytes)).toBe(0);
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    get({ port: daemon.port, host: "127.0.0.1", path: at("large"), agent: false }, resolve).on(
      "error",
      reject,
    );
    const pieces: Buffer[] = [];
    for await (const piece of await promise) {
      pieces.push(piece as Buffer);
      await nextTurn();
    }
    expect(Buffer.compare(Buffer.concat(pieces), bytes)).toBe(0);
  });

  it("stores the parts of a form under their names", async () => {
    const part = (path: string, text: string) =>
      `--b\r\nContent-Disposition: form-data; name="file"; filename="${join(dir, path)}"\r\n\r\n${text}\r\n`;
    const form = { "content-type": "multipart/form-data; boundary=b" };
    const stored = await client.http("POST", "/files", form, `${part("m1", "1")}${part("m2", "2")}--b--\r\n`);
    expect((JSON.parse(stored.body.toString()) as { name: string }[]).map(({ name }) => name)).toEqual([
      "m1",
      "m2",
    ]);
    expect(await readFile(join(dir, "m2"), "utf8")).toBe("2");
    const twice = await client.http("POST", "/files", form, `${part("m1", "1")}${part("m1", "2")}--b--\r\n`);
    expect(twice.status).toBe(400);
    const cut = await client.http("POST", "/files", form, part("m3", "abc").slice(0, -8));
    expect(cut.status).toBe(400);
  });

  it("honours ranges and conditions", async () => {
    await writeFile(join(dir, "r"), "0123456789");
    const part = await client.http("GET", at("r"), { range: "bytes=2-4", "accept-encoding": "gzip" });
    expect([part.status, part.body.toString(), part.headers["content-range"]]).toEqual([
      206,
      "234",
      "bytes 2-4/10",
    ]);
    expect((await client.http("GET", at("r"), { range: "bytes=-3" })).body.toString()).toBe("789");
    expect((await client.http("GET", at("r"), { range: "bytes=10-" })).status).toBe(416);
    const { etag = "" } = part.headers;
    expect((await client.http("GET", at("r"), { "if-none-match": etag })).status).toBe(304);
    expect((await client.http("GET", at("r"), { "if-match": '"other"' })).status).toBe(412);
  });

  it("says what is wrong", async () => {
    const missing = await client.http("GET", at("none"));
    expect([missing.status, messageOf(missing.body)]).toEqual([
      404,
      `path '${join(dir, "none")}' does not exist`,
    ]);
    expect((await client.http("GET", at(""))).status).toBe(400);
    expect((await client.http("POST", at(""), octets, "x")).status).toBe(400);
    expect((await client.http("POST", at("r/x"), octets, "x")).status).toBe(400);
    expect((await client.http("POST", "/files?path=/dev/full", octets, "x")).status).toBe(507);
    expect((await client.http("GET", `${at("r")}&username=nobody-here`)).status).toBe(401);
    expect((await client.http("GET", at("r"), { "accept-encoding": "br, identity;q=0" })).status).toBe(406);
  });

  it("keeps metadata, each upload replacing all of it", async () => {
    await client.http("POST", at("meta"), { ...octets, "x-metadata-one": "1", "x-metadata-two": "2" }, "x");
    await client.http("POST", at("meta"), { ...octets, "X-Metadata-Three": "3" }, "x");
    const { body } = await client.unary("filesystem.Filesystem/Stat", { path: join(dir, "meta") });
    expect((body["entry"] as { metadata: unknown }).metadata).toEqual({ three: "3" });
  });

  it("joins files", async () => {
    for (const name of ["p1", "p2"]) await writeFile(join(dir, name), name);
    const body = JSON.stringify({
      source_paths: [join(dir, "p1"), join(dir, "p2")],
      destination: join(dir, "whole"),
    });
    expect(
      (await client.http("POST", "/files/compose", { "content-type": "application/json" }, body)).status,
    ).toBe(200);
    expect(await readFile(join(dir, "whole"), "utf8")).toBe("p1p2");
    await expect(stat(join(dir, "p1"))).rejects.toThrow("ENOENT");
  });

  it("tells of changes in their order", async () => {
    const root = join(dir, "watched");
    await client.unary("filesystem.Filesystem/MakeDir", { path: root });
    const { body } = await client.unary("filesystem.Filesystem/CreateWatcher", {
      path: root,
      recursive: true,
    });
    await client.sh(
      `cd ${root}; echo x > f; mv f g; mkdir d; sleep 0.1; mv d e; sleep 0.1; echo y > e/h; rm g`,
    );
    const events: string[] = [];
    while (!events.includes("REMOVE g")) {
      const got = await client.unary("filesystem.Filesystem/GetWatcherEvents", {
        watcher_id: body["watcherId"],
      });
      for (const { type, name } of got.body["events"] as { type: string; name: string }[]) {
        events.push(`${type.replace("EVENT_TYPE_", "")} ${name}`);
      }
    }
    const wanted = ["CREATE f", "WRITE f", "RENAME f", "CREATE g", "CREATE d", "RENAME d", "CREATE e"];
    expect(events).toEqual([...wanted, "CREATE e/h", "WRITE e/h", "REMOVE g"]);
    const removed = await client.unary("filesystem.Filesystem/RemoveWatcher", {
      watcherId: body["watcherId"],
    });
    expect(removed.status).toBe(200);
  });
});
