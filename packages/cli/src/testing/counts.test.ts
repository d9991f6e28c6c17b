import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { junitCounts, noCounts, vitestCounts, withExitCode } from "./counts.ts";

async function reportFile(text: string): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "sandbank-counts-"));
  onTestFinished(() => rm(dir, { recursive: true }));
  const file = join(dir, "report");
  await writeFile(file, text);
  return file;
}

test("pytest's errors count as failures", async () => {
  const xml =
    '<testsuites><testsuite name="pytest" errors="1" failures="2" skipped="3" tests="10" time="1"></testsuite></testsuites>';
  expect(await junitCounts(await reportFile(xml))).toEqual({ passed: 4, failed: 3, skipped: 3 });
});

test("vitest's report", async () => {
  const report = { numPassedTests: 5, numFailedTests: 1, numPendingTests: 2, numTodoTests: 1 };
  expect(await vitestCounts(await reportFile(JSON.stringify(report)))).toEqual({
    passed: 5,
    failed: 1,
    skipped: 3,
  });
});

test("a runner that crashes, or runs nothing, is a failure", async () => {
  expect(await vitestCounts("/nonexistent")).toEqual(noCounts);
  expect(withExitCode(noCounts, 0).failed).toBe(1);
  expect(withExitCode({ passed: 3, failed: 0, skipped: 0 }, 1).failed).toBe(1);
  expect(withExitCode({ passed: 3, failed: 0, skipped: 0 }, 0).failed).toBe(0);
});
