import {
  FileNotFoundError,
  type FilesystemEvent,
  FilesystemEventType,
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

test("kinds of events, in their order", async () => {
  await sandbox.files.makeDir("kinds");
  const events: string[] = [];
  const watch = await sandbox.files.watchDir(
    "kinds",
    ({ type, name }) => void events.push(`${type} ${name}`),
  );
  await sandbox.commands.run("echo x > a; chmod 600 a; mv a b; rm b", { cwd: "/home/user/kinds" });
  await eventually(() => events.includes("remove b"));
  await watch.stop();
  const expected = ["create a", "write a", "chmod a", "rename a", "create b", "remove b"];
  expect(events.filter((event) => expected.includes(event))).toEqual(expected);
});

test("recursive watching follows new directories and gives entries", async () => {
  await sandbox.files.makeDir("tree/deep");
  const events: FilesystemEvent[] = [];
  const flatNames: string[] = [];
  const options = { recursive: true, includeEntry: true };
  const watch = await sandbox.files.watchDir("tree", (event) => void events.push(event), options);
  const flat = await sandbox.files.watchDir("tree", ({ name }) => void flatNames.push(name));
  const created = (name: string): FilesystemEvent | undefined =>
    events.find((event) => event.name === name && event.type === FilesystemEventType.CREATE);
  await sandbox.files.makeDir("tree/deep/new");
  await eventually(() => created("deep/new"));
  await sandbox.files.write("tree/deep/new/file.txt", "x");
  await sandbox.files.write("tree/outer.txt", "x");
  const event = await eventually(() => created("deep/new/file.txt"));
  expect(event?.entry?.path).toBe("/home/user/tree/deep/new/file.txt");
  await eventually(() => flatNames.includes("outer.txt"));
  expect(flatNames.filter((name) => name.includes("/"))).toEqual([]);
  await watch.stop();
  await flat.stop();
});

test("the end of a watch: stopped, at its deadline", async () => {
  const ends: (Error | undefined)[] = [];
  const onExit = (error?: Error): void => void ends.push(error);
  const stopped = await sandbox.files.watchDir("/tmp", () => {}, { onExit });
  await stopped.stop();
  await eventually(() => ends.length === 1);
  await sandbox.files.watchDir("/tmp", () => {}, { onExit, timeoutMs: 3_000 });
  await eventually(() => ends.length === 2);
  expect(ends[1]).toBeInstanceOf(Error);
});

test("errors", async () => {
  await expect(sandbox.files.watchDir("no/such/dir", () => {})).rejects.toThrow(FileNotFoundError);
  await sandbox.files.write("plain.txt", "x");
  await expect(sandbox.files.watchDir("plain.txt", () => {})).rejects.toThrow(InvalidArgumentError);
});
