import { nftListTable } from "@sandbank/linux/nft";
import { slotTable } from "../network/rulesets.ts";
import type { SlotNames } from "../network/addresses.ts";

/** A destination that a slot's rules refused packets to. */
export interface KernelDenial {
  protocol: string;
  address: string;
  /** 0 for protocols without ports. */
  port: number;
  /** Since it was listed; it is forgotten an hour after the last one. */
  packets: number;
}

export interface KernelReading {
  /** All refused packets of the slot's life. */
  packets: number;
  denials: KernelDenial[];
}

interface SetElement {
  elem: { val: { concat: (string | number)[] }; counter: { packets: number } };
}

interface TableObject {
  counter?: { name: string; packets: number };
  set?: { elem?: SetElement[] };
}

const protocolNames: Record<number, string> = { 1: "icmp", 6: "tcp", 17: "udp", 58: "icmpv6", 132: "sctp" };

/** What the kernel itself wrote down about refused packets; it goes on doing so while nobody reads. */
export async function readKernelDenials({ routerNetns }: SlotNames): Promise<KernelReading> {
  const objects = (await nftListTable("inet", slotTable, routerNetns)) as TableObject[];
  const reading: KernelReading = { packets: 0, denials: [] };
  for (const { counter, set } of objects) {
    if (counter?.name === "denied_packets") reading.packets = counter.packets;
    for (const { elem } of set?.elem ?? []) {
      const [address, protocol, port = 0] = elem.val.concat;
      reading.denials.push({
        address: String(address),
        protocol: protocolNames[Number(protocol)] ?? String(protocol),
        port: Number(port),
        packets: elem.counter.packets,
      });
    }
  }
  return reading;
}
