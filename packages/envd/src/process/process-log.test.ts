import { expect, test, vi } from "vitest";
import { Writable } from "node:stream";
import { lineLogger } from "../line-logger.ts";
import type { Subscriber } from "./events.ts";
import type { ManagedProcess } from "./managed-process.ts";
import { logProcess } from "./process-log.ts";

function logged(): { lines: () => Record<string, unknown>[]; subscriber: Subscriber } {
  let written = "";
  const output = new Writable({
    write(chunk, _encoding, done) {
      written += String(chunk);
      done();
    },
  });
  const logger = lineLogger(output);
  let subscriber: Subscriber | undefined;
  const process = {
    pid: 7,
    info: { config: { cmd: "/bin/sh", args: ["-c", "x"], envs: { SECRET: "s" } }, tag: "t" },
    attach(given: Subscriber) {
      subscriber = given;
      given.start(7);
      return () => undefined;
    },
  };
  logProcess(process as unknown as ManagedProcess, "user", logger);
  if (!subscriber) throw new Error("nobody subscribed");
  const lines = (): Record<string, unknown>[] => {
    logger.flush();
    return written
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  };
  return { lines, subscriber };
}

test("start, output and end are written down, variables are not", () => {
  const { lines, subscriber } = logged();
  void subscriber.data("stdout", Buffer.from("one\n"));
  void subscriber.data("stderr", Buffer.from("two"));
  void subscriber.data("pty", Buffer.from("typed"));
  subscriber.end({ exitCode: 3, exited: true, status: "exit status 3" });
  const common = { level: "info", logger: "process", pid: 7 };
  const found = lines();
  expect(found).toMatchObject([
    { ...common, message: "process started", command: "/bin/sh -c x", user: "user", tag: "t" },
    { ...common, message: "one", stream: "stdout" },
    { ...common, message: "two", stream: "stderr" },
    { ...common, message: "process ended", exitCode: 3 },
  ]);
  expect(JSON.stringify(found)).not.toContain("SECRET");
});

test("of much output the beginning of each while is written down, and how much is left out", () => {
  vi.useFakeTimers();
  try {
    const { lines, subscriber } = logged();
    for (let chunk = 0; chunk < 100; chunk++) void subscriber.data("stdout", new Uint8Array(1_000).fill(97));
    vi.advanceTimersByTime(2_000);
    void subscriber.data("stdout", Buffer.from("later ä").subarray(0, 7));
    vi.advanceTimersByTime(2_000);
    void subscriber.data("stdout", Buffer.from("ä").subarray(1));
    subscriber.end({ exitCode: -1, exited: false, status: "signal: killed" });
    const [, first, second, third, end] = lines();
    expect(String(first?.["message"])).toHaveLength(8_192);
    expect(first?.["omittedBytes"]).toBe(100_000 - 8_192);
    expect(second).toMatchObject({ message: "later " });
    expect(third).toMatchObject({ message: "ä" });
    expect(end).toMatchObject({ status: "signal: killed" });
  } finally {
    vi.useRealTimers();
  }
});

test("lines of no urgency are gathered, warnings are not", () => {
  vi.useFakeTimers();
  try {
    const output = { write: vi.fn() };
    const logger = lineLogger(output as unknown as Writable);
    logger.info({}, "a");
    logger.info({}, "b");
    expect(output.write).not.toHaveBeenCalled();
    vi.advanceTimersByTime(50);
    expect(output.write).toHaveBeenCalledTimes(1);
    logger.info({}, "c");
    logger.warn({}, "d");
    expect(output.write).toHaveBeenCalledTimes(2);
    vi.advanceTimersByTime(50);
    expect(output.write).toHaveBeenCalledTimes(2);
  } finally {
    vi.useRealTimers();
  }
});
