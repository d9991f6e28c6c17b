import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { TestApi } from "@sandbank/api/testing";
import { runVisible } from "@sandbank/linux/command";
import { repositoryDir } from "../config/paths.ts";
import { type Counts, addCounts, junitCounts, withExitCode } from "./counts.ts";
import { pythonEnvironment } from "./runners.ts";
import type { SuiteContext } from "./suite.ts";

const runTimeoutMs = 10 * 60_000;
const examplesPerOperation = 40;
/** Fixed, so that the same requests are made and a red run comes from what changed. */
const seed = "1";
const baseConfigFile = join(repositoryDir, "tests/contract/schemathesis.toml");
/** Of the operations that a volume's token opens. */
const contentTag = "volume content";
/** Refusals for asking too much would hide what is behind them. */
const unlimited = { maxSandboxes: 1e6, maxRequestsPerSec: 1e6, maxKeyRequestsPerSec: 1e6 };

/**
 * Random requests, right and wrong ones, to every operation of spec/openapi.yml that is served: no answer may be a
 * server error or anything that the specification does not say. The node is the fake one.
 */
export async function runContract(context: SuiteContext): Promise<Counts> {
  const python = await pythonEnvironment(join(repositoryDir, "tests/contract/requirements.txt"), context);
  const api = await TestApi.start({ limits: unlimited });
  try {
    // The operator's can stop placement, and a deleted key could be the one in use: they come last and apart.
    const asTeam = await runSchemathesis(python, context, api.url, [
      ["--header", `X-API-Key: ${api.key}`],
      ["--exclude-tag", "operator"],
      ["--exclude-tag", contentTag],
      ["--exclude-operation-id", "deleteApiKey"],
    ]);
    const team = await api.store.teams.ensure("default");
    const asOperator = await runSchemathesis(python, context, api.url, [
      ["--header", "X-Admin-Token: operator"],
      ["--header", `X-Team-ID: ${team.id}`],
      ["--include-tag", "operator"],
      ["--include-operation-id", "deleteApiKey"],
    ]);
    const onContent = await runOnContent(python, context, api);
    return addCounts(addCounts(asTeam, asOperator), onContent);
  } finally {
    await api.close();
  }
}

/** With the token of a volume, which each path must name: another is refused before anything is looked at. */
async function runOnContent(python: string, context: SuiteContext, api: TestApi): Promise<Counts> {
  const { body } = await api.call("POST", "/volumes", { name: "contract" });
  const configFile = join(context.reportDir, "schemathesis-content.toml");
  const fixed = `\n[parameters]\n"path.volumeID" = "${String(body["volumeID"])}"\n`;
  await writeFile(configFile, (await readFile(baseConfigFile, "utf8")) + fixed);
  const selection = [
    ["--header", `Authorization: Bearer ${String(body["token"])}`],
    ["--include-tag", contentTag],
  ];
  return runSchemathesis(python, context, api.url, selection, configFile);
}

/** One worker: in threads, its generators of values break each other on some versions of Python. */
async function runSchemathesis(
  python: string,
  context: SuiteContext,
  url: string,
  selection: string[][],
  configFile = baseConfigFile,
): Promise<Counts> {
  const report = join(context.reportDir, `schemathesis-${Date.now()}.xml`);
  const options = [
    ["--config-file", configFile, "--no-color"],
    ["run", join(repositoryDir, "spec/openapi.yml"), "--url", url],
    ["--exclude-by", "/x-not-yet == true"],
    ["--max-examples", String(examplesPerOperation), "--workers", "1", "--no-shrink"],
    ["--warnings", "off", "--report-junit-path", report],
    ["--seed", seed],
    // How long values take to make tells how busy the machine is.
    ["--suppress-health-check", "too_slow"],
    ...selection,
  ];
  const exitCode = await runVisible(join(python, "../schemathesis"), options.flat(), {
    // Where it may leave its own notes: not in the clone.
    cwd: context.reportDir,
    env: context.env,
    timeoutMs: runTimeoutMs,
  });
  return withExitCode(await junitCounts(report), exitCode);
}
