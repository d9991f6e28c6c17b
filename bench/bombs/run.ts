/**
 * How long envd keeps a client waiting while a fork bomb goes on in its sandbox, and how soon the bomb's command ends.
 *   node bench/bombs/run.ts [--isolation container,gvisor] [--rounds 6]
 * Root only. Sandboxes need what `./sandbank up` has prepared once. Each bomb gets a new sandbox in each round.
 */
import { once } from "node:events";
import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { benchArguments } from "../lib/arguments.ts";
import type { Isolation } from "../lib/bare-runtime.ts";
import { BenchCloud } from "../lib/cloud.ts";
import { type EnvdEndpoint, runCommand } from "../lib/envd-client.ts";
import { machineStamp, printReport, saveReport } from "../lib/report.ts";
import { summarize, timed } from "../lib/statistics.ts";

const pythonBomb = "import os\nwhile 1:\n  try: os.fork()\n  except OSError: pass";
const bombs = {
  "a shell's": "bomb() { bomb | bomb & }; bomb; sleep 60",
  "perl, forking": "perl -e 'fork while 1'",
  "Python, forking in vain": `python3 -c '${pythonBomb}'`,
  "perl, 3 s after its start": "sleep 3; perl -e 'fork while 1'",
};
/** Between two questions, and from the command's end to the last one. */
const betweenMs = 50;
const afterMs = 1000;
const settleMs = 1000;

/** On a connection of its own, as one who has not asked before. */
async function askHealth({ host, port, headers }: EnvdEndpoint): Promise<void> {
  const request = httpRequest({ host, port, headers, path: "/health", agent: new Agent() });
  request.end();
  const [response] = (await once(request, "response")) as [IncomingMessage];
  response.resume();
  await once(response, "end");
  if ((response.statusCode ?? 0) >= 300) throw new Error(`/health answered ${response.statusCode}`);
}

/** The longest wait for an answer, and when the command had ended; ms. */
async function explode(endpoint: EnvdEndpoint, bomb: string): Promise<{ worstMs: number; endedMs: number }> {
  let lastMs = Infinity;
  const command = runCommand(endpoint, "/bin/bash", ["-l", "-c", bomb]).finally(
    () => (lastMs = performance.now() + afterMs),
  );
  let worstMs = 0;
  while (performance.now() < lastMs) {
    worstMs = Math.max(worstMs, await timed(() => askHealth(endpoint)));
    await pause(betweenMs);
  }
  const { exitCode, totalMs } = await command;
  if (exitCode !== -1) throw new Error(`the bomb ended by itself with ${exitCode}`);
  return { worstMs, endedMs: totalMs };
}

async function measure(isolation: Isolation, rounds: number): Promise<void> {
  await using cloud = await BenchCloud.start(isolation);
  const samples: Record<string, number[]> = {};
  for (let round = 0; round < rounds; round++) {
    for (const [name, bomb] of Object.entries(bombs)) {
      const sandbox = await cloud.create();
      const endpoint = cloud.throughProxy(sandbox);
      await askHealth(endpoint);
      await pause(settleMs);
      const { worstMs, endedMs } = await explode(endpoint, bomb);
      (samples[`${name}: worst answer`] ??= []).push(worstMs);
      (samples[`${name}: its end`] ??= []).push(endedMs);
      await cloud.kill(sandbox.sandboxId);
    }
  }
  const rows = Object.fromEntries(Object.entries(samples).map(([name, each]) => [name, summarize(each)]));
  const report = { bench: `bombs-${isolation}`, machine: await machineStamp(), rows, ratios: {}, notes: [] };
  printReport(report);
  process.stdout.write(`${await saveReport(report)}\n`);
}

const { isolations, rounds } = benchArguments(6);
for (const isolation of isolations) await measure(isolation, rounds);
