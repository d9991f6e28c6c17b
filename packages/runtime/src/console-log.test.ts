import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readConsoleTail, readFileTail } from "./console-log.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(`${tmpdir()}/console-log-`);
});
afterEach(() => rmSync(directory, { recursive: true }));

const time = "2026-11-24T08:37:17.616246167+00:00";

function logOf(...lines: string[]): string {
  const path = `${directory}/log`;
  writeFileSync(path, lines.map((line) => `${time} ${line}\n`).join(""));
  return path;
}

test("joins what the monitor has split and drops what it has added", async () => {
  const path = logOf("stdout F one", "stderr P tw", "stderr F o", "stdout F ", "stdout P end");
  expect(await readConsoleTail(path, 1000)).toBe("one\ntwo\n\nend");
});

test("keeps what is split within a character, and what a carriage return is in", async () => {
  const path = logOf("stdout F half\rwhole");
  const [first, second] = [Buffer.from("hä").subarray(0, 2), Buffer.from("hä").subarray(2)];
  const pieces = [`${time} stdout P `, first, `\n${time} stdout F `, second, "\n"];
  appendFileSync(path, Buffer.concat(pieces.map((piece) => Buffer.from(piece))));
  expect(await readConsoleTail(path, 1000)).toBe("half\rwhole\nhä\n");
});

test("gives the newest bytes, never more than asked for", async () => {
  const path = logOf(...Array.from({ length: 1000 }, (_, index) => `stdout F line ${index} ä`));
  const tail = await readConsoleTail(path, 50);
  expect(Buffer.byteLength(tail)).toBeLessThanOrEqual(50);
  expect(tail.endsWith("line 999 ä\n")).toBe(true);
});

test("is empty where there is no log", async () => {
  expect(await readConsoleTail(`${directory}/nothing`, 100)).toBe("");
  expect(await readFileTail(`${directory}/nothing`, 100)).toBe("");
});
