import { expect, test } from "vitest";
import { formatLine } from "./logs.ts";

const entry = { atMs: 0, level: "info", logger: "process", message: "process ended", fields: {} };

test("a line has its time, level, logger, message and fields", () => {
  const fields = { pid: "7", command: "echo a b" };
  expect(formatLine({ ...entry, fields }, {})).toBe(
    "1970-01-01 00:00:00.000 INFO  process: process ended pid=7 command='echo a b'",
  );
  const said = { ...entry, logger: "console", message: "hello", fields: { stream: "stderr" } };
  expect(formatLine(said, { console: true })).toBe("hello");
  expect(formatLine(said, {})).toBe("1970-01-01 00:00:00.000 INFO  console: hello");
});
