import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { runtime } from "../runtime/node.ts";
import { ProcessLimit } from "./process-limit.ts";

const softLimit = (): string => spawnSync("bash", ["-c", "ulimit -u"], { encoding: "utf8" }).stdout.trim();

test("programs start with less than the daemon's own limit, which is back afterwards", () => {
  const limit = new ProcessLimit(runtime.libc);
  const own = softLimit();
  const given = limit.run(softLimit);
  expect(given).toBe(limit.forPrograms === undefined ? own : String(limit.forPrograms));
  expect(softLimit()).toBe(own);
  expect(() =>
    limit.run(() => {
      throw new Error("no such program");
    }),
  ).toThrow("no such program");
  expect(softLimit()).toBe(own);
});
