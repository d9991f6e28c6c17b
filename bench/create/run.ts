/**
 * What creating a sandbox costs, beside the runtime alone, in the same run:
 *   node bench/create/run.ts [--isolation container,gvisor] [--rounds 20]
 * Starts clouds of its own. Root only. Needs what `./sandbank up` has prepared once.
 */
import { BareRuntime, type Isolation } from "../lib/bare-runtime.ts";
import { benchArguments } from "../lib/arguments.ts";
import { BenchCloud } from "../lib/cloud.ts";
import { runCommand } from "../lib/envd-client.ts";
import { machineStamp, printReport, saveReport } from "../lib/report.ts";
import { summarize, type Summary } from "../lib/statistics.ts";

/** Cold start to envd's health of a proof of concept on this kind of machine, disk and network included (ms). */
const proofOfConceptMs: Record<Isolation, number> = { container: 49, gvisor: 220 };

/** Its cold start divided by the create and start of its runtime, medians: what is comparable between machines and loads. */
const proofOfConceptRatio: Record<Isolation, number> = { container: 49 / 28, gvisor: 220 / 115 };

const warmupRounds = 2;

interface Samples {
  bare: number[];
  create: number[];
  firstOutput: number[];
  kill: number[];
  sandboxIds: Set<string>;
}

async function oneRound(bare: BareRuntime, cloud: BenchCloud, into: Samples | undefined): Promise<void> {
  const bareStart = performance.now();
  const end = await bare.start();
  into?.bare.push(performance.now() - bareStart);
  await end();

  const start = performance.now();
  const sandbox = await cloud.create();
  const created = performance.now();
  const command = await runCommand(cloud.throughProxy(sandbox), "/bin/bash", ["-l", "-c", "echo test"]);
  if (command.stdout !== "test\n" || command.firstOutputMs === undefined) {
    throw new Error(`the first command gave ${JSON.stringify(command)}`);
  }
  into?.create.push(created - start);
  into?.firstOutput.push(created - start + command.firstOutputMs);
  into?.sandboxIds.add(sandbox.sandboxId);
  const killStart = performance.now();
  await cloud.kill(sandbox.sandboxId);
  into?.kill.push(performance.now() - killStart);
}

async function measure(isolation: Isolation, rounds: number): Promise<void> {
  await using bare = await BareRuntime.prepare(isolation);
  await using cloud = await BenchCloud.start(isolation);
  const samples: Samples = { bare: [], create: [], firstOutput: [], kill: [], sandboxIds: new Set() };
  for (let round = -warmupRounds; round < rounds; round++) {
    await oneRound(bare, cloud, round < 0 ? undefined : samples);
  }
  // Not every create has every step; the sum belongs below all of them.
  const phases = Object.entries(await cloud.createPhases(samples.sandboxIds)).sort(
    ([a], [b]) => Number(a === "total") - Number(b === "total"),
  );
  const [bareRow, createRow] = [summarize(samples.bare), summarize(samples.create)];
  const rows: Record<string, Summary> = {
    "bare runtime, create + start": bareRow,
    "create over HTTP, cold": createRow,
    ...Object.fromEntries(phases.map(([name, ms]) => [`  step ${name}`, summarize(ms)])),
    "create to first output of a login shell": summarize(samples.firstOutput),
    "kill over HTTP": summarize(samples.kill),
  };
  const report = {
    bench: `create-${isolation}`,
    machine: await machineStamp(),
    rows,
    ratios: {
      "create / bare runtime, medians": createRow.median / bareRow.median,
      "  that of the proof of concept": proofOfConceptRatio[isolation],
      [`create / proof of concept (${proofOfConceptMs[isolation]} ms)`]:
        createRow.median / proofOfConceptMs[isolation],
    },
    notes: [
      "bare runtime: the runtime's own default bundle on the same files, read-only, no disk, no network, /bin/sleep",
    ],
  };
  printReport(report);
  process.stdout.write(`${await saveReport(report)}\n\n`);
}

const { isolations, rounds } = benchArguments(20);
for (const isolation of isolations) await measure(isolation, rounds);
