import { existsSync, readFileSync } from "node:fs";
import { type NetworkState, readNetwork } from "@sandbank/linux/ip";
import { inNetworkNamespace } from "@sandbank/linux/namespace-entry";
import { netnsPath } from "@sandbank/linux/netns";
import { type ChainRules, nftChains } from "@sandbank/linux/nft";
import { readStat } from "@sandbank/linux/process";
import type { SlotNames } from "../network/addresses.ts";
import type { SlotPlace } from "../network/slot-plan.ts";

/** What the kernel holds of one slot now. */
export interface SlotReading {
  /** Undefined: the namespace does not exist. */
  places: Record<SlotPlace, NetworkState | undefined>;
  /** Of each place, as people find it. */
  placeNames: Record<SlotPlace, string>;
  /** The guest's namespace lives, held by the sandbox's process, but its name in /run/netns is gone. */
  guestNameGone: boolean;
  /** Of the router's namespace. */
  chains: ChainRules[];
  /** Whether the router's namespace forwards IPv4; undefined when it is not there. */
  forwards: boolean | undefined;
}

/** `pid` is the sandbox's first process; `host` may be shared by readings of many slots. */
export async function readSlot(
  names: SlotNames,
  pid: number | undefined,
  host: NetworkState | undefined,
): Promise<SlotReading> {
  const routerFile = netnsPath(names.routerNetns);
  const hasRouter = existsSync(routerFile);
  const guestFile = guestNetnsFile(names, pid);
  const [hostState, routerState, guestState, chains] = await Promise.all([
    host ?? readNetwork(),
    hasRouter ? readNetwork(routerFile) : undefined,
    guestFile === undefined ? undefined : readNetwork(guestFile),
    hasRouter ? nftChains(routerFile) : [],
  ]);
  return {
    places: { host: hostState, router: routerState, guest: guestState },
    placeNames: { host: "the host", router: names.routerNetns, guest: names.guestNetns },
    guestNameGone: guestFile !== undefined && !existsSync(netnsPath(names.guestNetns)),
    chains,
    forwards: hasRouter ? readForwarding(routerFile) : undefined,
  };
}

/** The guest's namespace by its name, else by the process that is in it; undefined when it is gone. */
export function guestNetnsFile(names: SlotNames, pid: number | undefined): string | undefined {
  const named = netnsPath(names.guestNetns);
  if (existsSync(named)) return named;
  const stat = pid === undefined ? undefined : readStat(pid);
  return stat === undefined || stat.state === "Z" ? undefined : `/proc/${pid}/ns/net`;
}

const readForwarding = (netnsFile: string): boolean =>
  inNetworkNamespace(netnsFile, () => readFileSync("/proc/sys/net/ipv4/ip_forward", "utf8").trim() === "1");
