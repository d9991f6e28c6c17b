import { randomBytes } from "node:crypto";
import { FileNotFoundError, FilesystemEventType, FileType, InvalidArgumentError, Sandbox } from "e2b";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "./cloud.ts";

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.create("base", { timeoutMs: 300_000 });
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
});
