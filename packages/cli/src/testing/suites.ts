import { join } from "node:path";
import { errorText } from "@sandbank/core/errors";
import { runVisible } from "@sandbank/linux/command";
import { repositoryDir } from "../config/paths.ts";
import { installBrowserPackages } from "../prepare/packages.ts";
import { Progress } from "../output/progress.ts";
import { TestCloud, type TestCloudOptions } from "../testkit.ts";
import { runContract } from "./contract.ts";
import { addCounts, type Counts, noCounts } from "./counts.ts";
import { runPytest, runVitest } from "./runners.ts";
import type { Suite, SuiteContext } from "./suite.ts";

/** All suites, cheapest first, so that a broken clone says so in seconds. */
export const suites: Suite[] = [
  { name: "check", run: runCheck },
  { name: "unit", run: (context) => runVitest("unit", context) },
  { name: "contract", run: runContract },
  { name: "host", run: (context) => runVitest("host", context) },
  { name: "sdk-container", run: (context) => runSdkSuites("container", context) },
  { name: "sdk-gvisor", run: (context) => runSdkSuites("gvisor", context) },
  { name: "browser", run: runBrowser },
];

async function runCheck(context: SuiteContext): Promise<Counts> {
  const exitCode = await runVisible(process.execPath, [...process.execArgv, "scripts/check.ts"], {
    cwd: repositoryDir,
    env: { ...context.env, PATH: `${join(repositoryDir, "node_modules/.bin")}:${context.env["PATH"]}` },
    timeoutMs: 5 * 60_000,
  });
  return exitCode === 0 ? { ...noCounts, passed: 1 } : { ...noCounts, failed: 1 };
}

/** The published SDKs against a cloud of their own. */
function runSdkSuites(isolation: "container" | "gvisor", context: SuiteContext): Promise<Counts> {
  return withCloud({ isolation }, async (cloud) => {
    const env = { ...(await cloud.environment()), SANDBANK_TEST_ISOLATION: isolation };
    const python = await runPytest("tests/sdk/python", context, env);
    return addCounts(python, await runVitest("sdk", context, env));
  });
}

/** A browser, and the SDKs again, against a cloud that speaks TLS. */
async function runBrowser(context: SuiteContext): Promise<Counts> {
  if (!(await installBrowserPackages(new Progress()))) {
    process.stdout.write("skipped: Chromium is no package of this distribution\n");
    return { ...noCounts, skipped: 1 };
  }
  return withCloud({ isolation: "container", settings: { SANDBANK_TLS: "on" } }, async (cloud) => {
    const authority = (await cloud.status())?.tls?.trust?.authorityFile ?? "";
    const env = { ...(await cloud.environment()), SANDBANK_TEST_AUTHORITY: authority };
    const python = await runPytest("tests/browser/python", context, env);
    return addCounts(python, await runVitest("browser", context, env));
  });
}

/** Runs tests against a cloud of their own; its start and its traceless end are tests too. */
async function withCloud(
  options: TestCloudOptions,
  tests: (cloud: TestCloud) => Promise<Counts>,
): Promise<Counts> {
  const cloud = await TestCloud.create(options);
  let counts = noCounts;
  const step = async (name: string, work: () => Promise<void>): Promise<boolean> => {
    try {
      await work();
      counts = addCounts(counts, { ...noCounts, passed: 1 });
      return true;
    } catch (error) {
      process.stderr.write(`FAIL ${name}: ${errorText(error)}\n`);
      counts = addCounts(counts, { ...noCounts, failed: 1 });
      return false;
    }
  };
  if (await step(`sandbank up (${options.isolation})`, () => cloud.up())) {
    counts = addCounts(counts, await tests(cloud));
  }
  await step(`sandbank down (${options.isolation})`, () => cloud.dispose());
  return counts;
}
