import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run, runVisible } from "@sandbank/linux/command";
import { repositoryDir } from "../config/paths.ts";
import { type Counts, junitCounts, vitestCounts, withExitCode } from "./counts.ts";
import type { SuiteContext } from "./suite.ts";

/** Twice what the longest suite takes on a busy machine. */
const suiteTimeoutMs = 40 * 60_000;

/** One vitest project of the repository. */
export async function runVitest(
  project: string,
  context: SuiteContext,
  env: Record<string, string> = {},
): Promise<Counts> {
  const report = join(context.reportDir, `${project}-${Date.now()}.json`);
  const vitest = join(repositoryDir, "node_modules/vitest/vitest.mjs");
  const exitCode = await runVisible(
    process.execPath,
    [
      ...process.execArgv,
      vitest,
      "run",
      "--project",
      project,
      "--reporter=default",
      "--reporter=json",
      `--outputFile.json=${report}`,
    ],
    { cwd: repositoryDir, env: { ...context.env, ...env }, timeoutMs: suiteTimeoutMs },
  );
  return withExitCode(await vitestCounts(report), exitCode);
}

/** pytest over one folder, in an environment with exactly the packages that the folder's requirements name. */
export async function runPytest(
  folder: string,
  context: SuiteContext,
  env: Record<string, string>,
): Promise<Counts> {
  const python = await pythonEnvironment(join(repositoryDir, folder, "requirements.txt"), context);
  const report = join(context.reportDir, `pytest-${Date.now()}.xml`);
  const exitCode = await runVisible(
    python,
    ["-m", "pytest", "-q", "-p", "no:cacheprovider", `--junitxml=${report}`, folder],
    {
      cwd: repositoryDir,
      env: { ...context.env, ...env, PYTHONDONTWRITEBYTECODE: "1" },
      timeoutMs: suiteTimeoutMs,
    },
  );
  return withExitCode(await junitCounts(report), exitCode);
}

/** A virtual environment in the cache, named by what is in it; the marker tells a whole one from an interrupted one. */
export async function pythonEnvironment(requirements: string, context: SuiteContext): Promise<string> {
  const hash = createHash("sha256")
    .update(await readFile(requirements))
    .digest("hex")
    .slice(0, 16);
  const venv = join(context.cacheDir, `test-python-${hash}`);
  const marker = join(venv, "complete");
  if (!existsSync(marker)) {
    await rm(venv, { recursive: true, force: true });
    process.stderr.write(`installing ${requirements} for Python's tests\n`);
    await run("python3", ["-m", "venv", venv], { env: context.env, timeoutMs: 120_000 });
    await run(join(venv, "bin/pip"), ["install", "-q", "-r", requirements], {
      env: context.env,
      timeoutMs: 600_000,
    });
    await writeFile(marker, "");
  }
  return join(venv, "bin/python");
}
