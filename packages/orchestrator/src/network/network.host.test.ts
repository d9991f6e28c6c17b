import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { silentLogger } from "@sandbank/core/logger";
import { runUnchecked } from "@sandbank/linux/command";
import { listLinks } from "@sandbank/linux/ip";
import { listNetns } from "@sandbank/linux/netns";
import { nftTableExists } from "@sandbank/linux/nft";
import { kernelEgress } from "../egress/kernel-egress.ts";
import { openPolicy } from "@sandbank/protocol/egress-policy";
import { hostSourceAddress, hostTable, slotNames } from "./addresses.ts";
import { setUpHostNetwork, tearDownHostNetwork } from "./host-network.ts";
import { makeSlot, type Slot } from "./slot.ts";
import { SlotPool } from "./slot-pool.ts";

// A namespace's own stack stands in for a sandbox: what the host and the router do is the same for both.
const identity = { tag: "tn", hostPrefix: "10.19" };
const resolvers: string[] = [];
const egress = kernelEgress(openPolicy, resolvers);
const slots: Slot[] = [];
let mtu = 1500;
let hostServer: Server;

beforeAll(async () => {
  ({ mtu } = await setUpHostNetwork(identity, resolvers));
  for (const index of [1, 2])
    slots.push(await makeSlot(slotNames(identity, index), { identity, mtu, egress }));
  hostServer = createServer((_request, response) => response.end("host"));
  hostServer.listen(0, "0.0.0.0");
  await once(hostServer, "listening");
});

afterAll(async () => {
  hostServer?.close();
  for (const slot of slots) await slot.destroy();
  await tearDownHostNetwork(identity);
  expect(await listNetns("tn-")).toEqual([]);
  expect(await nftTableExists("inet", hostTable(identity))).toBe(false);
});

const inGuest = (slot: Slot, file: string, args: string[]) =>
  runUnchecked("nsenter", [`--net=${slot.guestNetnsPath}`, file, ...args]);

/** Serves "guest" on a port inside the slot's guest namespace. */
async function serveInGuest(slot: Slot, port: number): Promise<() => void> {
  const script = `require("node:http").createServer((q, r) => r.end("guest")).listen(${port}, () => console.log("up"))`;
  const child = spawn("nsenter", [`--net=${slot.guestNetnsPath}`, process.execPath, "-e", script]);
  await once(child.stdout, "data");
  return () => child.kill("SIGKILL");
}

async function fetchFromGuest(slot: Slot, url: string): Promise<string> {
  const { exitCode, stdout } = await inGuest(slot, "curl", ["-sS", "--max-time", "2", url]);
  return exitCode === 0 ? stdout : `curl ${exitCode}`;
}

function slot(index: 0 | 1): Slot {
  const found = slots[index];
  if (!found) throw new Error("slots are not made");
  return found;
}

test("the host reaches the same guest address in every slot through its own host address", async () => {
  const stops = await Promise.all([serveInGuest(slot(0), 8000), serveInGuest(slot(1), 8000)]);
  try {
    for (const { names } of slots) {
      const response = await fetch(`http://${names.hostAddress}:8000/`);
      expect(await response.text()).toBe("guest");
    }
  } finally {
    for (const stop of stops) stop();
  }
});

test("a guest reaches neither the host, nor its neighbour, nor private ranges, and learns it at once", async () => {
  const stop = await serveInGuest(slot(1), 8000);
  const { port } = hostServer.address() as AddressInfo;
  try {
    const hostAddresses = [hostSourceAddress(identity), "169.254.0.22", "169.254.0.1"];
    const urls = [
      ...hostAddresses.map((address) => `http://${address}:${port}/`),
      `http://${slot(1).names.hostAddress}:8000/`,
      "http://169.254.169.254/",
      "http://192.168.1.1/",
      "http://10.255.1.1/",
    ];
    const start = performance.now();
    for (const url of urls) expect(await fetchFromGuest(slot(0), url), url).toBe("curl 7");
    expect(performance.now() - start).toBeLessThan(2_000 * urls.length);
  } finally {
    stop();
  }
});

test("a guest that takes another source address gets nothing through", async () => {
  const { port } = hostServer.address() as AddressInfo;
  await inGuest(slot(0), "ip", ["addr", "add", "198.51.100.7/32", "dev", "eth0"]);
  const { exitCode } = await inGuest(slot(0), "curl", [
    "-sS",
    "--max-time",
    "1",
    "--interface",
    "198.51.100.7",
    `http://198.51.100.99:${port}/`,
  ]);
  expect(exitCode).not.toBe(0);
});

test("a pool keeps slots ready, gives each number once, reclaims what another process left", async () => {
  const options = { identity, mtu, egress, size: 2, logger: silentLogger };
  const earlier = new SlotPool(options);
  earlier.adopt(1);
  earlier.adopt(2);
  await earlier.fill();
  const taken = await earlier.take();
  earlier.refill();
  await vi.waitFor(() => expect(earlier.readyCount).toBe(2), 10_000);

  // A new process knows of the adopted slots only; the rest of the first one's is left over.
  const later = new SlotPool(options);
  later.adopt(1);
  later.adopt(2);
  later.adopt(taken.names.index);
  expect(await later.reclaim()).toBe(2);
  expect(await later.reclaim()).toBe(0);
  const next = await later.take();
  expect([1, 2, taken.names.index]).not.toContain(next.names.index);
  await later.release(next);
  await later.release(taken);
  await later.close();
  expect((await listNetns("tn-")).toSorted()).toEqual(["tn-g-1", "tn-g-2", "tn-r-1", "tn-r-2"]);
});

test("a hundred slots come and go without a trace", async () => {
  const ownLinks = async () => (await listLinks()).filter(({ ifname }) => ifname.startsWith("tnh")).length;
  const before = await ownLinks();
  const pool = new SlotPool({ identity, mtu, egress, size: 0, logger: silentLogger });
  pool.adopt(1);
  pool.adopt(2);
  for (let round = 0; round < 50; round++) {
    const pair = await Promise.all([pool.take(), pool.take()]);
    await Promise.all(pair.map((each) => pool.release(each)));
  }
  await pool.close();
  expect(await ownLinks()).toBe(before);
  expect((await listNetns("tn-")).length).toBe(4);
});
