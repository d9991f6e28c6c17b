import { writeFileSync } from "node:fs";
import { ipBatch, ipBatchForced } from "@sandbank/linux/ip";
import { inNetworkNamespace } from "@sandbank/linux/namespace-entry";
import { attachNetns, netnsPath } from "@sandbank/linux/netns";
import { nftApply } from "@sandbank/linux/nft";
import { guest, router } from "../network/addresses.ts";
import { ensureHostNetwork } from "../network/host-network.ts";
import {
  configureLines,
  guestPairLine,
  setHostNeighbours,
  slotPlan,
  uplinkPairLine,
} from "../network/slot-plan.ts";
import { hasAllRules, suspectRules } from "./path-checks.ts";
import { readSlot } from "./slot-reading.ts";
import type { WalkSubject } from "./walk.ts";

export interface NetworkRepair {
  subject: WalkSubject;
  /** Script for the router's namespace, which is the slot's alone, that makes all of its tables anew. */
  rules: string;
  /** IPv4 addresses that sandboxes ask for names. */
  resolvers: string[];
}

/**
 * Brings one slot back into the planned state, touching nothing of any other. Gives what it did, step by step.
 * Rejects when the kernel refuses a step, or the guest's namespace is gone with its processes.
 */
export async function repairNetwork({ subject, rules, resolvers }: NetworkRepair): Promise<string[]> {
  const { names, identity, runtime, ownNetworkStack } = subject;
  const { mtu, steps } = await ensureHostNetwork(identity, resolvers);
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
  steps.push("set devices up, and their addresses, routes and neighbours again");
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
