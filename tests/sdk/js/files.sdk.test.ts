import { randomBytes } from "node:crypto";
import {
  AuthenticationError,
  FileNotFoundError,
  FilesystemEventType,
  FileType,
  InvalidArgumentError,
  Sandbox,
} from "e2b";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "./cloud.ts";

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.create("base", { timeoutMs: 1_800_000 });
});
afterAll(async () => {
  await sandbox?.kill();
});

test.each([0, 1, 10 * 1024 * 1024])("%i bytes there and back", async (size) => {
  const data = randomBytes(size);
  const info = await sandbox.files.write(`data-${size}`, new Blob([data]));
  expect(info.path).toBe(`/home/user/data-${size}`);
  const back = await sandbox.files.read(`data-${size}`, { format: "bytes" });
  expect(Buffer.from(back).equals(data)).toBe(true);
});

test.each(["größe-文件.txt", "with space.txt", "a+b&c=d%20.txt"])("the name %s", async (name) => {
  await sandbox.files.write(`names/${name}`, "content");
  expect(await sandbox.files.read(`names/${name}`)).toBe("content");
  expect((await sandbox.files.list("names")).map((entry) => entry.name)).toContain(name);
  await sandbox.files.remove(`names/${name}`);
  expect(await sandbox.files.exists(`names/${name}`)).toBe(false);
});

test("several files in one call", async () => {
  const written = await sandbox.files.write(
    Array.from({ length: 10 }, (_, n) => ({ path: `many/${n}.txt`, data: `content ${n}` })),
  );
  expect(written.map(({ path }) => path)).toEqual(
    Array.from({ length: 10 }, (_, n) => `/home/user/many/${n}.txt`),
  );
  expect(await sandbox.files.read("many/7.txt")).toBe("content 7");
});

test("info, rename, directories", async () => {
  await sandbox.files.write("info.txt", "12345");
  expect(await sandbox.files.getInfo("info.txt")).toMatchObject({
    name: "info.txt",
    type: FileType.FILE,
    size: 5,
    owner: "user",
  });
  expect(await sandbox.files.makeDir("made")).toBe(true);
  expect(await sandbox.files.makeDir("made")).toBe(false);
  expect((await sandbox.files.rename("info.txt", "made/moved.txt")).path).toBe("/home/user/made/moved.txt");
  expect((await sandbox.files.list("made")).map(({ path }) => path)).toEqual(["/home/user/made/moved.txt"]);
  await sandbox.files.remove("made");
  expect(await sandbox.files.exists("made")).toBe(false);
});

test("errors have the SDK's classes", async () => {
  await expect(sandbox.files.read("no/such/file")).rejects.toThrow(FileNotFoundError);
  await expect(sandbox.files.list("no/such/dir")).rejects.toThrow(FileNotFoundError);
  await expect(sandbox.files.read("/home/user")).rejects.toThrow(InvalidArgumentError);
  await expect(sandbox.files.getInfo("no/such/file")).rejects.toThrow(FileNotFoundError);
  await expect(sandbox.files.rename("no/such/file", "other")).rejects.toThrow(FileNotFoundError);
  await sandbox.files.write("plain.txt", "x");
  await expect(sandbox.files.list("plain.txt")).rejects.toThrow(InvalidArgumentError);
  await expect(sandbox.files.list(".", { depth: 0 })).rejects.toThrow(InvalidArgumentError);
  await expect(sandbox.files.makeDir("plain.txt")).rejects.toThrow(InvalidArgumentError);
  await expect(sandbox.files.write("/home/user", "x")).rejects.toThrow(InvalidArgumentError);
  await expect(sandbox.files.read("plain.txt", { user: "nobody-here" })).rejects.toThrow(AuthenticationError);
  await sandbox.files.remove("no/such/file");
});

test("listing with depth", async () => {
  await sandbox.files.write("tree/a/b/leaf", "x");
  const names = async (depth: number): Promise<string[]> =>
    (await sandbox.files.list("tree", { depth })).map(({ path }) => path.replace("/home/user/tree/", ""));
  expect(await names(1)).toEqual(["a"]);
  expect(await names(3)).toEqual(["a", "a/b", "a/b/leaf"]);
});

test("every format, with and without gzip", async () => {
  const text = "ä€😀 ".repeat(10_000);
  await sandbox.files.write("text.txt", text, { gzip: true });
  expect(await sandbox.files.read("text.txt")).toBe(text);
  expect(await sandbox.files.read("text.txt", { gzip: true })).toBe(text);
  expect(await (await sandbox.files.read("text.txt", { format: "blob" })).text()).toBe(text);
  expect(Buffer.from(await sandbox.files.read("text.txt", { format: "bytes" })).toString()).toBe(text);
});

test("a streamed upload, and writeFiles with metadata", async () => {
  const chunks = Array.from({ length: 20 }, () => randomBytes(64 * 1024));
  await sandbox.files.write("chunked", ReadableStream.from(chunks));
  const back = await sandbox.files.read("chunked", { format: "bytes" });
  expect(Buffer.from(back).equals(Buffer.concat(chunks))).toBe(true);
  const entries = [
    { path: "tagged/1.txt", data: "1" },
    { path: "tagged/2.txt", data: "2" },
  ];
  await sandbox.files.writeFiles(entries, { metadata: { Origin: "a test" } });
  expect((await sandbox.files.getInfo("tagged/2.txt")).metadata).toEqual({ origin: "a test" });
});

test("a streamed read", async () => {
  const data = randomBytes(3 * 1024 * 1024);
  await sandbox.files.write("streamed", new Blob([data]));
  const chunks: Uint8Array[] = [];
  for await (const chunk of await sandbox.files.read("streamed", { format: "stream" })) chunks.push(chunk);
  expect(Buffer.concat(chunks).equals(data)).toBe(true);
});

test("watching a directory", async () => {
  await sandbox.files.makeDir("watched");
  const events: { name: string; type: FilesystemEventType }[] = [];
  const watch = await sandbox.files.watchDir("watched", (event) => void events.push(event), {
    recursive: true,
  });
  await sandbox.files.write("watched/new.txt", "x");
  await eventually(() =>
    events.some(({ name, type }) => name === "new.txt" && type === FilesystemEventType.CREATE),
  );
  await sandbox.files.remove("watched/new.txt");
  await eventually(() =>
    events.some(({ name, type }) => name === "new.txt" && type === FilesystemEventType.REMOVE),
  );
  await watch.stop();
  const types = new Set(events.map(({ type }) => type));
  expect(types).toContain(FilesystemEventType.CREATE);
  expect(types).toContain(FilesystemEventType.REMOVE);
});

test("signed URLs", async () => {
  await sandbox.files.write("signed.txt", "by signature");
  const download = await fetch(await sandbox.downloadUrl("signed.txt"));
  expect(await download.text()).toBe("by signature");
  const form = new FormData();
  form.append("file", new Blob(["uploaded"]), "up.txt");
  const upload = await fetch(await sandbox.uploadUrl("up.txt", { useSignatureExpiration: 60 }), {
    method: "POST",
    body: form,
  });
  expect(upload.status).toBe(200);
  expect(await sandbox.files.read("up.txt")).toBe("uploaded");
  const other = (await sandbox.downloadUrl("signed.txt")).replace("signed.txt", "up.txt");
  expect((await fetch(other)).status).toBeGreaterThanOrEqual(400);
  const short = await sandbox.downloadUrl("signed.txt", { useSignatureExpiration: 1 });
  await eventually(async () => (await fetch(short)).status === 401);
});
