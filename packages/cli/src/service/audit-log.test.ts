import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { silentLogger } from "@sandbank/core/logger";
import { AuditFile } from "./audit-log.ts";

test("lines with a time; files turn at their size and the oldest goes", () => {
  const dir = mkdtempSync(join(tmpdir(), "sandbank-audit-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const path = join(dir, "audit.log");
  const write = (from: number, to: number): void => {
    const file = new AuditFile(path, silentLogger, 1_000);
    for (let index = from; index < to; index++) {
      file.write({ actor: { kind: "admin" }, action: `a${index}`, outcome: "done" });
    }
    file.close();
  };
  write(0, 3);
  const first = JSON.parse(readFileSync(path, "utf8").split("\n", 1)[0] ?? "") as Record<string, unknown>;
  expect(first).toEqual({
    time: expect.stringMatching(/^\d{4}-.*Z$/),
    actor: { kind: "admin" },
    action: "a0",
    outcome: "done",
  });
  write(3, 100);
  expect(readdirSync(dir).toSorted()).toEqual([
    "audit.log",
    "audit.log.1",
    "audit.log.2",
    "audit.log.3",
    "audit.log.4",
  ]);
  for (const name of readdirSync(dir)) expect(statSync(join(dir, name)).size).toBeLessThanOrEqual(1_000);
  expect(readFileSync(path, "utf8")).toContain('"a99"');
});
