/**
 * What a command costs through the proxy and straight to envd, in turn in the same run:
 *   node bench/exec/run.ts [--isolation container,gvisor] [--rounds 200]
 * Starts clouds of its own. Root only. Needs what `./sandbank up` has prepared once.
 */
import type { Isolation } from "../lib/bare-runtime.ts";
import { benchArguments } from "../lib/arguments.ts";
import { BenchCloud } from "../lib/cloud.ts";
import { type EnvdEndpoint, runCommand } from "../lib/envd-client.ts";
import { machineStamp, printReport, saveReport } from "../lib/report.ts";
import { alternate, summarize } from "../lib/statistics.ts";

const warmupRounds = 10;

async function measure(isolation: Isolation, rounds: number): Promise<void> {
  await using cloud = await BenchCloud.start(isolation);
  const sandbox = await cloud.create();
  const proxied = cloud.throughProxy(sandbox);
  const direct = await cloud.direct(sandbox);
  const call =
    (endpoint: EnvdEndpoint, cmd: string, ...args: string[]) =>
    async (): Promise<void> => {
      const { exitCode } = await runCommand(endpoint, cmd, args);
      if (exitCode !== 0) throw new Error(`${cmd} ended with ${exitCode}`);
    };
  const samples = await alternate(
    {
      echoDirect: call(direct, "/bin/echo", "test"),
      echoProxied: call(proxied, "/bin/echo", "test"),
      loginEchoDirect: call(direct, "/bin/bash", "-l", "-c", "echo test"),
      loginEchoProxied: call(proxied, "/bin/bash", "-l", "-c", "echo test"),
      bashLogin: call(proxied, "/bin/bash", "-l", "-c", "true"),
      bash: call(proxied, "/bin/bash", "-c", "true"),
    },
    { rounds, warmup: warmupRounds },
  );
  await cloud.kill(sandbox.sandboxId);
  const row = {
    echoDirect: summarize(samples.echoDirect),
    echoProxied: summarize(samples.echoProxied),
    loginDirect: summarize(samples.loginEchoDirect),
    loginProxied: summarize(samples.loginEchoProxied),
    bashLogin: summarize(samples.bashLogin),
    bash: summarize(samples.bash),
  };
  const report = {
    bench: `exec-${isolation}`,
    machine: await machineStamp(),
    rows: {
      "/bin/echo test, straight to envd": row.echoDirect,
      "/bin/echo test, through the proxy": row.echoProxied,
      "bash -l -c 'echo test', straight to envd": row.loginDirect,
      "bash -l -c 'echo test', through the proxy": row.loginProxied,
      "bash -l -c true": row.bashLogin,
      "bash -c true": row.bash,
    },
    ratios: {
      "ms that the proxy adds to echo, medians": row.echoProxied.median - row.echoDirect.median,
      "ms that the proxy adds to a login shell, medians": row.loginProxied.median - row.loginDirect.median,
      "bash -l -c true / bash -c true, medians": row.bashLogin.median / row.bash.median,
    },
    notes: [],
  };
  printReport(report);
  process.stdout.write(`${await saveReport(report)}\n\n`);
}

const { isolations, rounds } = benchArguments(200);
for (const isolation of isolations) await measure(isolation, rounds);
