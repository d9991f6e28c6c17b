import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AppError } from "@sandbank/core/errors";
import { readConfig, toolEnvironment } from "../config/env.ts";
import { pathsOf } from "../config/paths.ts";
import { Progress } from "../output/progress.ts";
import { installTestPackages } from "../prepare/packages.ts";
import { prepare } from "../prepare/prepare.ts";
import { addCounts, type Counts, countsLine, noCounts } from "../testing/counts.ts";
import { suites } from "../testing/suites.ts";

/** Runs all suites, or the named ones. The last line counts every test; the exit code is 1 when one failed. */
export async function testCommand(names: string[]): Promise<void> {
  const chosen = suites.filter((suite) => names.length === 0 || names.includes(suite.name));
  const unknown = names.filter((name) => !suites.some((suite) => suite.name === name));
  if (unknown.length > 0) {
    const known = suites.map((suite) => suite.name).join(", ");
    throw new AppError({
      code: "invalid_argument",
      message: `no suite ${unknown.join(", ")}; there are ${known}`,
    });
  }
  const config = readConfig();
  const progress = new Progress();
  await prepare(config, pathsOf(config), progress);
  await installTestPackages(progress);
  const reportDir = await mkdtemp(join(tmpdir(), "sandbank-test-"));
  const context = { reportDir, env: toolEnvironment(), cacheDir: config.cacheDir };
  const results: { name: string; counts: Counts; seconds: number }[] = [];
  try {
    for (const suite of chosen) {
      process.stdout.write(`\n=== ${suite.name}\n`);
      const start = performance.now();
      const counts = await suite.run(context);
      results.push({ name: suite.name, counts, seconds: (performance.now() - start) / 1000 });
    }
  } finally {
    await rm(reportDir, { recursive: true });
  }
  process.stdout.write("\n");
  for (const { name, counts, seconds } of results) {
    process.stdout.write(`${name}: ${countsLine(counts)} (${seconds.toFixed(0)} s)\n`);
  }
  const total = results.reduce((sum, { counts }) => addCounts(sum, counts), noCounts);
  if (total.failed > 0) process.exitCode = 1;
  process.stdout.write(`${countsLine(total)}\n`);
}
