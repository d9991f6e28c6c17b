import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { silentLogger } from "@sandbank/core/logger";
import { run } from "@sandbank/linux/command";
import { listLinks } from "@sandbank/linux/ip";
import { listNetns } from "@sandbank/linux/netns";
import { nftTableExists } from "@sandbank/linux/nft";
import { openPolicy } from "@sandbank/protocol/egress-policy";
import { kernelEgress } from "../egress/kernel-egress.ts";
import { hostTable, slotNames } from "./addresses.ts";
import { setUpHostNetwork, tearDownHostNetwork } from "./host-network.ts";
import { isFree, makeSlot } from "./slot.ts";
import { SlotPool } from "./slot-pool.ts";
import { runSlotCycles } from "./testing/slot-cycles.ts";

const identity = { tag: "tc", hostPrefix: "10.17" };
const options = { identity, mtu: 1500, egress: kernelEgress(openPolicy, []) };
const newPool = () => new SlotPool({ ...options, size: 0, logger: silentLogger });

beforeAll(() => setUpHostNetwork(identity, []));
afterAll(async () => {
  await tearDownHostNetwork(identity);
  expect(await nftTableExists("inet", hostTable(identity))).toBe(false);
});

/** Everything on the host that belongs to a slot of this identity. */
async function traces() {
  const [routes, neighbours] = await Promise.all([
    run("ip", ["-4", "route", "show", "table", "all"]),
    run("ip", ["-4", "neigh", "show", "nud", "all"]),
  ]);
  const naming = (text: string): string[] =>
    text.split("\n").filter((line) => /\btch\d+\b|\b10\.17\.(?!255)/.test(line));
  return {
    namespaces: await listNetns("tc-"),
    devices: (await listLinks()).map(({ ifname }) => ifname).filter((name) => name.startsWith("tch")),
    routes: naming(routes),
    neighbours: naming(neighbours),
  };
}

test("300 slots taken and returned, with random kills of commands and of their process, leave nothing", async () => {
  const counts = await runSlotCycles({ identity, count: 300, commandKillShare: 0.3, cyclesPerProcess: 60 });
  expect(counts.cycles).toBeGreaterThanOrEqual(300);
  expect(counts.killedProcesses).toBeGreaterThan(2);
  expect(counts.killedCommands).toBeGreaterThan(10);
  const { takesMs: _, ...numbers } = counts;
  console.log(JSON.stringify(numbers));
  // As the next start does, and once more for commands that outlived the last process.
  await vi.waitFor(async () => {
    await newPool().reclaim();
    expect(await traces()).toEqual({ namespaces: [], devices: [], routes: [], neighbours: [] });
  }, 15_000);
}, 120_000);

test("a number that the kernel still has something of is not given out", async () => {
  const foreign = await makeSlot(slotNames(identity, 2), options);
  const pool = newPool();
  const taken = [await pool.take(), await pool.take()];
  expect(taken.map(({ names }) => names.index)).toEqual([1, 3]);
  expect(isFree(foreign.names)).toBe(false);
  await Promise.all(taken.map((slot) => pool.release(slot)));
  await pool.close();
  await foreign.destroy();
  expect(isFree(foreign.names)).toBe(true);
});
