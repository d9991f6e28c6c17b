/**
 * What the daemon costs by itself: on the host, and straight to its port in sandboxes.
 *   node bench/envd/run.ts [--target host,container,gvisor] [--rounds 200]
 * Root only. Sandboxes need what `./sandbank up` has prepared once.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { BenchCloud } from "../lib/cloud.ts";
import { type EnvdEndpoint, runCommand } from "../lib/envd-client.ts";
import { machineStamp, printReport, saveReport } from "../lib/report.ts";
import { summarize, type Summary, timed } from "../lib/statistics.ts";
import { download, filesystem, streamOutput, uploadForm, uploadOctets } from "./calls.ts";
import { HostDaemon } from "./host-daemon.ts";

const fileMib = 100;
const streamMib = 200;
const entryCount = 1000;
const parallel = 8;
const bulkRounds = 5;
const launches = 15;
const settleMs = 1500;
const dir = "/tmp/envd-bench";

type Rows = Record<string, Summary>;

async function series(rounds: number, work: () => Promise<unknown>): Promise<Summary> {
  const samples: number[] = [];
  for (let round = 0; round < rounds; round++) samples.push(await timed(work));
  return summarize(samples);
}

async function measure(
  endpoint: EnvdEndpoint,
  rounds: number,
): Promise<{ rows: Rows; ratios: Record<string, number> }> {
  const echo = () => runCommand(endpoint, "/bin/echo", ["test"]);
  const fill = `rm -rf ${dir}; mkdir -p ${dir}/list; cd ${dir}/list; seq ${entryCount} | while read i; do : > f$i; done`;
  await runCommand(endpoint, "/bin/sh", ["-c", fill]);
  await series(10, echo);
  const big = `${dir}/big`;
  const bulk = (work: () => Promise<unknown>) => series(bulkRounds, work);
  const rows: Rows = {
    "Start /bin/echo": await series(rounds, echo),
    "Start /bin/bash -l -c": await series(rounds, () =>
      runCommand(endpoint, "/bin/bash", ["-l", "-c", "echo test"]),
    ),
  };
  const calls = rounds * 4;
  const wallMs = await timed(() =>
    Promise.all(Array.from({ length: parallel }, () => series(calls / parallel, echo))),
  );
  rows[`upload ${fileMib} MiB, octet-stream`] = await bulk(() => uploadOctets(endpoint, big, fileMib));
  rows[`upload ${fileMib} MiB, multipart`] = await bulk(() => uploadForm(endpoint, big, fileMib));
  rows[`download ${fileMib} MiB`] = await bulk(() => download(endpoint, big, fileMib));
  rows[`ListDir of ${entryCount}`] = await series(50, () =>
    filesystem(endpoint, "ListDir", { path: `${dir}/list` }),
  );
  rows["Stat"] = await series(rounds, () => filesystem(endpoint, "Stat", { path: big }));
  const zeros = ["-c", `${streamMib}M`, "/dev/zero"];
  rows[`stdout of ${streamMib} MiB`] = await bulk(() => streamOutput(endpoint, "/usr/bin/head", zeros));
  await runCommand(endpoint, "/bin/rm", ["-rf", dir]);
  const ratios: Record<string, number> = { [`echo, ${parallel} at once, calls/s`]: (calls / wallMs) * 1000 };
  for (const [name, row] of Object.entries(rows)) {
    const size = /(\d+) MiB/.exec(name)?.[1];
    if (size) ratios[`${name}, MiB/s`] = (Number(size) / row.median) * 1000;
  }
  return { rows, ratios };
}

async function onHost(rounds: number): Promise<{ rows: Rows; ratios: Record<string, number> }> {
  const cacheDir = await mkdtemp(join(tmpdir(), "envd-bench-"));
  try {
    const launchMs: number[] = [];
    for (let round = 0; round < launches; round++) {
      await using daemon = await HostDaemon.start(cacheDir);
      launchMs.push(daemon.launchMs);
    }
    await using daemon = await HostDaemon.start(cacheDir);
    // As it is between requests: a second after its start it gives back what only that needed.
    await pause(settleMs);
    const before = await daemon.pssMib();
    const { rows, ratios } = await measure(daemon.endpoint, rounds);
    return {
      rows: { "launch to accepting": summarize(launchMs), ...rows },
      ratios: {
        ...ratios,
        "PSS before, MiB": before,
        "PSS after, MiB": await daemon.pssMib(),
        "processor time of it all, s": await daemon.cpuSeconds(),
      },
    };
  } finally {
    await rm(cacheDir, { recursive: true });
  }
}

async function inSandbox(isolation: "container" | "gvisor", rounds: number) {
  await using cloud = await BenchCloud.start(isolation);
  const sandbox = await cloud.create();
  const result = await measure(await cloud.direct(sandbox), rounds);
  await cloud.kill(sandbox.sandboxId);
  return result;
}

const { values } = parseArgs({
  options: {
    target: { type: "string", default: "host,container,gvisor" },
    rounds: { type: "string", default: "200" },
  },
});
for (const target of values.target.split(",")) {
  if (target !== "host" && target !== "container" && target !== "gvisor")
    throw new Error(`no target ${target}`);
  const rounds = Number(values.rounds);
  const { rows, ratios } = await (target === "host" ? onHost(rounds) : inSandbox(target, rounds));
  const report = { bench: `envd-${target}`, machine: await machineStamp(), rows, ratios, notes: [] };
  printReport(report);
  process.stdout.write(`${await saveReport(report)}\n`);
}
