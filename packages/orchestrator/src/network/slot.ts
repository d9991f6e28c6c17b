import { existsSync } from "node:fs";
import { AppError } from "@sandbank/core/errors";
import { ipBatch, ipBatchForced, linkExists } from "@sandbank/linux/ip";
import { netnsPath } from "@sandbank/linux/netns";
import { nudgeConnections } from "@sandbank/linux/tcp-nudge";
import { nftApply } from "@sandbank/linux/nft";
import type { KernelEgress } from "../egress/kernel-egress.ts";
import { guest, type NetworkIdentity, type SlotNames } from "./addresses.ts";
import { egressUpdate, routerRuleset } from "./rulesets.ts";
import { configureLines, guestPairLine, setHostNeighbours, slotPlan, uplinkPairLine } from "./slot-plan.ts";

export interface SlotOptions {
  identity: NetworkIdentity;
  mtu: number;
  /** Of a slot that nobody has taken yet. */
  egress: KernelEgress;
}

/**
 * One sandbox's network: a router namespace that rewrites addresses and holds the egress rules, and a guest
 * namespace with `eth0`. Two namespaces, because gVisor reads the veth below its namespace's own packet filter.
 */
export class Slot {
  readonly names: SlotNames;

  constructor(names: SlotNames) {
    this.names = names;
  }

  /** File of the guest's network namespace, for the runtime. */
  get guestNetnsPath(): string {
    return netnsPath(this.names.guestNetns);
  }

  /** Takes effect at once; connections that stay allowed go on, the others end with their next packet. */
  setEgress(egress: KernelEgress): Promise<void> {
    return nftApply(egressUpdate(egress), this.names.routerNetns);
  }

  /** Brings about that next packet on connections that are silent. */
  nudge(): void {
    nudgeConnections(netnsPath(this.names.routerNetns), guest.address);
  }

  /** Devices, routes and rules go with the namespaces; the host keeps nothing of the slot. */
  async destroy(): Promise<void> {
    const { hostDevice, routerNetns, guestNetns } = this.names;
    await destroyParts([hostDevice], [routerNetns, guestNetns]);
  }
}

/** Whether the kernel has nothing under these names, so that a slot of that number can be made. */
export const isFree = ({ hostDevice, routerNetns, guestNetns }: SlotNames): boolean =>
  remaining([hostDevice], [routerNetns, guestNetns]).length === 0;

/** How often removing is tried: the program that does it may be killed on its way. */
const removeAttempts = 3;

/** Removes the parts of slots that exist; a part that is gone already is no error, one that stays is. */
export async function destroyParts(devices: string[], namespaces: string[]): Promise<void> {
  let left = remaining(devices, namespaces);
  for (let attempt = 0; attempt < removeAttempts && left.length > 0; attempt++) {
    await ipBatchForced(left.map(({ kind, name }) => `${kind} del ${name}`));
    left = remaining(devices, namespaces);
  }
  if (left.length === 0) return;
  throw new AppError({
    code: "internal",
    message: "a network slot could not be removed",
    detail: `still there: ${left.map(({ kind, name }) => `${kind} ${name}`).join(", ")}`,
  });
}

/** As the kernel says, not as the commands that remove it do. */
function remaining(devices: string[], namespaces: string[]): { kind: "link" | "netns"; name: string }[] {
  return [
    ...devices.filter(linkExists).map((name) => ({ kind: "link" as const, name })),
    ...namespaces
      .filter((name) => existsSync(netnsPath(name)))
      .map((name) => ({ kind: "netns" as const, name })),
  ];
}

/** Builds a slot; on failure whatever part of it exists is removed. */
export async function makeSlot(names: SlotNames, options: SlotOptions): Promise<Slot> {
  const slot = new Slot(names);
  const { identity, mtu } = options;
  const { routerNetns, guestNetns } = names;
  const plan = slotPlan(names, identity);
  try {
    await ipBatch([
      `netns add ${routerNetns}`,
      `netns add ${guestNetns}`,
      uplinkPairLine(names, mtu),
      guestPairLine(names, mtu),
      ...configureLines(plan, "host"),
    ]);
    setHostNeighbours(plan);
    const parts = await Promise.allSettled([
      ipBatch(configureLines(plan, "router"), routerNetns),
      ipBatch(configureLines(plan, "guest"), guestNetns),
      nftApply(routerRuleset(names, options.egress), routerNetns),
    ]);
    // Only now: what is still being made could not be removed.
    for (const part of parts) if (part.status === "rejected") throw part.reason;
    return slot;
  } catch (error) {
    await slot.destroy();
    throw error;
  }
}
