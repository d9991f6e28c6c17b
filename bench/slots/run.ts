/**
 * What a sandbox's network slot costs, and whether that grows with how many there are; then slots taken and returned
 * with random kills of the commands and of the process that has them:
 *   node bench/slots/run.ts [--living 10,500] [--rounds 40] [--cycles 1000]
 * Root only. Makes namespaces and devices of its own and removes them.
 */
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { silentLogger } from "@sandbank/core/logger";
import { listLinks } from "@sandbank/linux/ip";
import { listNetns } from "@sandbank/linux/netns";
import { openPolicy } from "@sandbank/protocol/egress-policy";
import { kernelEgress } from "../../packages/orchestrator/src/egress/kernel-egress.ts";
import {
  setUpHostNetwork,
  tearDownHostNetwork,
} from "../../packages/orchestrator/src/network/host-network.ts";
import type { Slot } from "../../packages/orchestrator/src/network/slot.ts";
import { SlotPool } from "../../packages/orchestrator/src/network/slot-pool.ts";
import { runSlotCycles } from "../../packages/orchestrator/src/network/testing/slot-cycles.ts";
import { machineStamp, printReport, saveReport } from "../lib/report.ts";
import { summarize, type Summary, timed } from "../lib/statistics.ts";

const { values } = parseArgs({
  options: {
    living: { type: "string", default: "10,500" },
    rounds: { type: "string", default: "40" },
    cycles: { type: "string", default: "1000" },
  },
});
const identity = { tag: "bn", hostPrefix: "10.99" };
const options = { identity, egress: kernelEgress(openPolicy, []), logger: silentLogger };

/** What the kernel itself has taken, MiB; whoever else works on this machine is in it. */
async function kernelMib(): Promise<number> {
  const text = await readFile("/proc/meminfo", "utf8");
  const kib = (name: string): number => Number(new RegExp(`^${name}: +(\\d+)`, "m").exec(text)?.[1] ?? 0);
  return (kib("SUnreclaim") + kib("Percpu") + kib("KernelStack")) / 1024;
}

async function release(pool: SlotPool, slots: Slot[]): Promise<void> {
  const worker = async (): Promise<void> => {
    for (let slot = slots.pop(); slot; slot = slots.pop()) await pool.release(slot);
  };
  await Promise.all([worker(), worker()]);
}

/** Makes, takes and destroys beside `count` slots that stay. */
async function measureAt(
  count: number,
  mtu: number,
  rounds: number,
): Promise<{ rows: Record<string, Summary>; mib: number }> {
  const pool = new SlotPool({ ...options, mtu, size: 0 });
  const ready = new SlotPool({ ...options, mtu, size: 1 });
  const living: Slot[] = [];
  const [makeMs, destroyMs, takeMs]: [number[], number[], number[]] = [[], [], []];
  const beforeMib = await kernelMib();
  try {
    const grow = async (): Promise<void> => {
      while (living.length < count) living.push(await pool.take());
    };
    await Promise.all([grow(), grow()]);
    const mib = ((await kernelMib()) - beforeMib) / living.length;
    for (let round = 0; round < rounds; round++) {
      let slot: Slot | undefined;
      makeMs.push(await timed(async () => (slot = await pool.take())));
      if (slot) destroyMs.push(await timed(() => pool.release(slot as Slot)));
      await ready.fill();
      takeMs.push(await timed(async () => (slot = await ready.take())));
      if (slot) await ready.release(slot);
    }
    const rows = {
      [`take from the pool, ${count} living`]: summarize(takeMs),
      [`make, ${count} living`]: summarize(makeMs),
      [`destroy, ${count} living`]: summarize(destroyMs),
    };
    return { rows, mib };
  } finally {
    await release(pool, living);
    await Promise.all([pool.close(), ready.close()]);
  }
}

const { mtu } = await setUpHostNetwork(identity, []);
try {
  const rows: Record<string, Summary> = {};
  const ratios: Record<string, number> = {};
  for (const count of values.living.split(",").map(Number)) {
    const { rows: measured, mib } = await measureAt(count, mtu, Number(values.rounds));
    Object.assign(rows, measured);
    ratios[`kernel memory of a slot, MiB, at ${count}`] = mib;
  }
  const cycles = Number(values.cycles);
  const startMs = performance.now();
  const { takesMs, ...counts } = await runSlotCycles({
    identity,
    count: cycles,
    commandKillShare: 0.1,
    cyclesPerProcess: 250,
  });
  const seconds = (performance.now() - startMs) / 1000;
  rows["take during the cycles, pool often empty"] = summarize(takesMs);
  const pool = new SlotPool({ ...options, mtu, size: 0 });
  const last = await pool.reclaim();
  const left = {
    namespaces: (await listNetns(`${identity.tag}-`)).length,
    devices: (await listLinks()).filter(({ ifname }) => ifname.startsWith(`${identity.tag}h`)).length,
  };
  ratios["cycles per second, with kills"] = counts.cycles / seconds;
  const notes = [
    `cycles: ${JSON.stringify({ ...counts, lastReclaimed: last })}; left: ${JSON.stringify(left)}`,
  ];
  const report = { bench: "slots", machine: await machineStamp(), rows, ratios, notes };
  printReport(report);
  process.stdout.write(`${await saveReport(report)}\n`);
  if (left.namespaces + left.devices > 0) process.exitCode = 1;
} finally {
  await tearDownHostNetwork(identity);
}
