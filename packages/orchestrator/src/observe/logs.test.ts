import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { newSandboxId } from "@sandbank/core/ids";
import { silentLogger } from "@sandbank/core/logger";
import { ConsoleFollower } from "./console-follower.ts";
import { ConsoleLines } from "./console-lines.ts";
import { consoleEntry, type LogEntry } from "./log-entry.ts";
import { LogFile } from "./log-file.ts";
import { type LogQuery, readLog } from "./log-query.ts";
import { SandboxLogs } from "./sandbox-logs.ts";

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "sandbank-logs-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
});

const entry = (atMs: number, message: string, level: LogEntry["level"] = "info"): LogEntry => ({
  atMs,
  level,
  logger: "test",
  message,
  fields: {},
});
const forward: LogQuery = { direction: "forward", limit: 1_000 };
const messages = (query: Partial<LogQuery> = {}, horizonMs = 1e12): string[] =>
  readLog(dir, { ...forward, ...query }, horizonMs).map(({ message }) => message);
const line = (text: string, tag = "F", atMs = 1_000): string =>
  `${new Date(atMs).toISOString().replace("Z", "000000+00:00")} stdout ${tag} ${text}\n`;

test("a monitor's lines are put together again, however their bytes arrive", () => {
  const bytes = Buffer.from(line("one ", "P") + line("täxt") + "no line of its\n" + line("two"));
  const lines = new ConsoleLines();
  const found = [...bytes].flatMap((byte) => lines.push(Uint8Array.of(byte)));
  expect(found.map(({ text }) => text)).toEqual(["one täxt", "two"]);
  expect(found[0]?.atMs).toBe(1_000);
  expect(lines.pendingBytes).toBe(0);
});

test("the daemon's lines keep their level and fields, anything else is text", () => {
  const text = '{"level":"warn","time":"x","logger":"envd","message":"hot","degrees":3,"of":{"what":"cpu"}}';
  expect(consoleEntry(5, "stderr", text)).toEqual({
    atMs: 5,
    level: "warn",
    logger: "envd",
    message: "hot",
    fields: { degrees: "3", of: '{"what":"cpu"}' },
  });
  for (const other of ['{"level":"loud","logger":"x"}', '{"level":"info"', "null", "plain"]) {
    expect(consoleEntry(5, "stderr", other)).toMatchObject({ logger: "console", message: other });
  }
});

test("cursor, direction, level, search and limit", () => {
  const file = new LogFile(dir, 1e6);
  file.append([entry(1, "a"), entry(2, "b", "debug"), entry(3, "c", "error"), entry(9, "d")]);
  expect(messages()).toEqual(["a", "b", "c", "d"]);
  expect(messages({ cursorMs: 2 })).toEqual(["b", "c", "d"]);
  expect(messages({ cursorMs: 3, direction: "backward" })).toEqual(["c", "b", "a"]);
  expect(messages({ direction: "backward", limit: 2 })).toEqual(["d", "c"]);
  expect(messages({ limit: 2 })).toEqual(["a", "b"]);
  expect(messages({ level: "info" })).toEqual(["a", "c", "d"]);
  expect(messages({ level: "warn" })).toEqual(["c"]);
  expect(messages({ search: "d" })).toEqual(["d"]);
  expect(messages({ search: "D" })).toEqual([]);
  expect(messages({}, 8)).toEqual(["a", "b", "c"]);
});

test("following page by page loses nothing, whatever shares a millisecond", () => {
  const file = new LogFile(dir, 1e6);
  file.append([1, 1, 2, 2, 2, 3].map((atMs, index) => entry(atMs, String(index))));
  const seen: string[] = [];
  for (let cursorMs = 0; ;) {
    const page = readLog(dir, { ...forward, cursorMs, limit: 4 }, 1e12);
    const last = page.at(-1);
    if (!last) break;
    seen.push(...page.map(({ message }) => message));
    cursorMs = last.atMs + 1;
  }
  expect(seen).toEqual(["0", "1", "2", "3", "4", "5"]);
});

test("what comes after a reader has looked has a later time than what it saw", () => {
  const file = new LogFile(dir, 1e6);
  file.append([entry(10, "seen")]);
  file.seal(20);
  file.append([entry(15, "stamped early, written late")]);
  expect(messages({ cursorMs: 21 })).toEqual(["stamped early, written late"]);
  expect(new LogFile(dir, 1e6).position).toBeUndefined();
});

test("a log is bounded, keeps the newest, and survives half a line", () => {
  const maxBytes = 20_000;
  const file = new LogFile(dir, maxBytes);
  for (let batch = 0; batch < 50; batch++) {
    file.append(Array.from({ length: 20 }, (_, index) => entry(batch, `${batch}-${index}`)));
  }
  const size = ["log.jsonl", "log.1.jsonl"].reduce(
    (sum, name) => sum + readFileSync(join(dir, name)).length,
    0,
  );
  expect(size).toBeLessThanOrEqual(maxBytes);
  expect(size).toBeGreaterThan(maxBytes / 2 - 200);
  expect(messages({ direction: "backward", limit: 1 })).toEqual(["49-19"]);
  appendFileSync(join(dir, "log.jsonl"), '{"atMs":99,"lev');
  expect(messages({ direction: "backward", limit: 1 })).toEqual(["49-19"]);
  new LogFile(dir, maxBytes).append([entry(99, "after the crash")]);
  expect(messages({ direction: "backward", limit: 1 })).toEqual(["after the crash"]);
});

test("a console is followed over a new file, and from where an earlier process had got to", () => {
  const path = join(dir, "console.log");
  const texts = (entries: LogEntry[]): string[] => entries.map(({ message }) => message);
  const first = new ConsoleFollower(path, undefined);
  expect(first.read()).toEqual({ entries: [], position: undefined });
  writeFileSync(path, line("one") + line("tw", "P"));
  expect(texts(first.read().entries)).toEqual(["one"]);
  appendFileSync(path, line("o"));
  const read = first.read();
  expect(texts(read.entries)).toEqual(["two"]);
  appendFileSync(path, line("three"));
  const second = new ConsoleFollower(path, read.position);
  expect(texts(second.read().entries)).toEqual(["three"]);
  appendFileSync(path, line("last of the old file"));
  writeFileSync(`${path}.tmp`, line("first of the new"));
  renameSync(`${path}.tmp`, path);
  expect(texts(second.read().entries)).toEqual(["last of the old file", "first of the new"]);
  appendFileSync(path, line("x".repeat(100)).repeat(4_000) + line("end"));
  const flood = texts(second.read().entries);
  expect(flood[0]).toBe("console output left out");
  expect(flood.at(-1)).toBe("end");
  for (const follower of [first, second]) follower.close();
});

test("a restarted process goes on with a sandbox's log without repeating it", async () => {
  const id = newSandboxId();
  const consoleFile = join(dir, "console.log");
  const open = (): SandboxLogs =>
    new SandboxLogs({ dir: join(dir, "kept"), maxBytes: 1e6, logger: silentLogger });
  const read = (logs: SandboxLogs): string[] => logs.read(id, forward).map(({ message }) => message);
  mkdirSync(join(dir, "kept"));
  const before = open();
  before.write(id, "info", "ready", {});
  before.follow(id, consoleFile);
  writeFileSync(consoleFile, line("one"));
  before.close();
  const after = open();
  appendFileSync(consoleFile, line("two"));
  after.follow(id, consoleFile);
  after.collect(id);
  after.end(id);
  after.close();
  const late = open();
  onTestFinished(() => late.close());
  expect(readLog(join(dir, "kept", id), forward, 1e15).map(({ message }) => message)).toEqual([
    "ready",
    "one",
    "two",
  ]);
  expect(late.isOpen(id)).toBe(false);
  await vi.waitFor(() => expect(read(late)[0]).toBe("ready"), 10_000);
  expect(late.read(newSandboxId(), forward)).toEqual([]);
});
