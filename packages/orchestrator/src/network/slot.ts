import { existsSync } from "node:fs";
import { AppError } from "@sandbank/core/errors";
import { ipBatch, ipBatchForced, linkExists } from "@sandbank/linux/ip";
import { netnsPath } from "@sandbank/linux/netns";
import { nftApply } from "@sandbank/linux/nft";
import type { KernelEgress } from "../egress/kernel-egress.ts";
import { guest, hostSourceAddress, type NetworkIdentity, router, type SlotNames } from "./addresses.ts";
import { egressUpdate, routerRuleset } from "./rulesets.ts";

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
  try {
    await ipBatch(hostLines(names, options));
    const parts = await Promise.allSettled([
      ipBatch(routerLines(names), names.routerNetns),
      ipBatch(guestLines(), names.guestNetns),
      nftApply(routerRuleset(names, options.egress), names.routerNetns),
    ]);
    // Only now: what is still being made could not be removed.
    for (const part of parts) if (part.status === "rejected") throw part.reason;
    return slot;
  } catch (error) {
    await slot.destroy();
    throw error;
  }
}

function hostLines(names: SlotNames, { identity, mtu }: SlotOptions): string[] {
  const { hostDevice, routerNetns, guestNetns, hostAddress } = names;
  return [
    `netns add ${routerNetns}`,
    `netns add ${guestNetns}`,
    `link add ${hostDevice} address ${router.hostMac} mtu ${mtu} type veth peer name ${router.uplink} address ${router.uplinkMac} mtu ${mtu} netns ${routerNetns}`,
    `link add ${router.gateway} netns ${routerNetns} mtu ${mtu} type veth peer name ${guest.device} address ${guest.mac} mtu ${mtu} netns ${guestNetns}`,
    `link set ${hostDevice} up`,
    `route add ${hostAddress}/32 dev ${hostDevice} src ${hostSourceAddress(identity)}`,
    `neigh add ${hostAddress} lladdr ${router.uplinkMac} dev ${hostDevice} nud permanent`,
  ];
}

function routerLines({ hostAddress }: SlotNames): string[] {
  const { uplink, gateway, nextHop, hostMac } = router;
  return [
    "link set lo up",
    `addr add ${hostAddress}/32 dev ${uplink}`,
    `link set ${uplink} up`,
    `addr add ${guest.gateway}/${guest.prefixLength} dev ${gateway}`,
    `link set ${gateway} up`,
    `neigh add ${guest.address} lladdr ${guest.mac} dev ${gateway} nud permanent`,
    `route add ${nextHop}/32 dev ${uplink}`,
    `neigh add ${nextHop} lladdr ${hostMac} dev ${uplink} nud permanent`,
    `route add default via ${nextHop} dev ${uplink}`,
  ];
}

/** Also what makes a guest namespace usable again after a runtime that takes the addresses away. */
export function guestLines(): string[] {
  return [
    "link set lo up",
    `addr replace ${guest.address}/${guest.prefixLength} dev ${guest.device}`,
    `link set ${guest.device} up`,
    `route replace default via ${guest.gateway} dev ${guest.device}`,
  ];
}
