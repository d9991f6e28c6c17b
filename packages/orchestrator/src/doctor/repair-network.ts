import { writeFileSync } from "node:fs";
import { ipBatch, ipBatchForced } from "@sandbank/linux/ip";
import { inNetworkNamespace } from "@sandbank/linux/namespace-entry";
import { attachNetns, netnsPath } from "@sandbank/linux/netns";
import { nftApply } from "@sandbank/linux/nft";
import { guest, router } from "../network/addresses.ts";
import { uplinkMtu } from "../network/host-network.ts";
import {
  configureLines,
  guestPairLine,
  setHostNeighbours,
  slotPlan,
  uplinkPairLine,
  type SlotPlan,
} from "../network/slot-plan.ts";
import { hasAllRules, pathChecks, suspectRules } from "./path-checks.ts";
import { readSlot, type SlotReading } from "./slot-reading.ts";
import type { WalkSubject } from "./walk.ts";

export interface NetworkRepair {
  subject: WalkSubject;
  /** Script for the router's namespace, which is the slot's alone, that makes all of its tables anew. */
  rules: string;
}

/**
 * Brings one slot back into the planned state, touching nothing of any other. Gives what it did, step by step.
 * Rejects when the kernel refuses a step, or the guest's namespace is gone with its processes.
 */
export async function repairNetwork({ subject, rules }: NetworkRepair): Promise<string[]> {
  const { names, identity, runtime, ownNetworkStack } = subject;
  const mtu = await uplinkMtu();
  const steps: string[] = [];
  const plan = slotPlan(names, identity);
  const { routerNetns, guestNetns, hostDevice } = names;
  const reading = await readSlot(names, runtime.pid, undefined);
  const has = (place: "host" | "router" | "guest", device: string): boolean =>
    reading.places[place]?.links.some(({ name }) => name === device) ?? false;

  if (reading.guestNameGone) {
    await attachNetns(guestNetns, runtime.pid);
    steps.push(`gave the network namespace of pid ${runtime.pid} its name ${guestNetns} again`);
  }
  if (reading.places.router === undefined) {
    await ipBatch([`netns add ${routerNetns}`]);
    steps.push(`made the network namespace ${routerNetns} again`);
  }
  if (!has("host", hostDevice) || !has("router", router.uplink)) {
    // A device without its other end can't be joined again.
    await ipBatchForced([`link del ${hostDevice}`]);
    await ipBatchForced([`link del ${router.uplink}`], routerNetns);
    await ipBatch([uplinkPairLine(names, mtu)]);
    steps.push(`made the pair ${hostDevice} and ${router.uplink} again`);
  }
  if (!has("router", router.gateway) || !has("guest", guest.device)) {
    await ipBatchForced([`link del ${router.gateway}`], routerNetns);
    await ipBatchForced([`link del ${guest.device}`], guestNetns);
    await ipBatch([guestPairLine(names, mtu)]);
    steps.push(`made the pair ${router.gateway} and ${guest.device} again`);
  }
  await ipBatch(configureLines(plan, "host"));
  setHostNeighbours(plan);
  await ipBatch(configureLines(plan, "router"), routerNetns);
  // Where the guest has a network stack of its own, the kernel must not answer for it.
  await ipBatch(
    ownNetworkStack ? [`link set ${guest.device} up`] : configureLines(plan, "guest"),
    guestNetns,
  );
  if (steps.some((step) => step.startsWith("made the pair")))
    steps.push("gave them their addresses, routes and neighbours");
  else steps.push(...wrongs(plan, reading, ownNetworkStack).map((wrong) => `put right: ${wrong}`));
  if (reading.forwards !== true) {
    inNetworkNamespace(netnsPath(routerNetns), () => writeFileSync("/proc/sys/net/ipv4/ip_forward", "1"));
    steps.push(`switched forwarding on in ${routerNetns}`);
  }
  if (!hasAllRules({ plan, reading }) || suspectRules(reading).length > 0) {
    await nftApply(rules, routerNetns);
    steps.push(`put the rules of ${routerNetns} back: address rewriting and egress`);
  }
  return steps;
}

/** What was not as planned of devices that are all there; rules are put back as a whole. */
function wrongs(plan: SlotPlan, reading: SlotReading, ownNetworkStack: boolean): string[] {
  const withRules = { plan: { ...plan, rules: [] }, reading, ownNetworkStack };
  return pathChecks
    .filter(([layer]) => layer !== "device")
    .map(([, check]) => check(withRules))
    .filter(({ ok }) => !ok)
    .map(({ evidence }) => evidence);
}
