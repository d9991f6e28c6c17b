import { defaultRouteDevice, hasAddress, ipBatch, listLinks } from "@sandbank/linux/ip";
import { nftApply, nftDeleteTable } from "@sandbank/linux/nft";
import { readSysctl, writeSysctl } from "@sandbank/linux/sysctl";
import { hostSourceAddress, hostTable, type NetworkIdentity } from "./addresses.ts";
import { hostRuleset } from "./rulesets.ts";

/** What the host side needs once, before any slot: forwarding, the source address, the table of rules. */
export interface HostNetwork {
  /** MTU of the way out, which every device of a slot takes over. */
  mtu: number;
}

const forwarding = "net.ipv4.ip_forward";

/** Idempotent. Rejects when the kernel refuses a part of it. */
export async function setUpHostNetwork(identity: NetworkIdentity, resolvers: string[]): Promise<HostNetwork> {
  if ((await readSysctl(forwarding)) !== "1") await writeSysctl(forwarding, "1");
  // Sandboxes need a route back to the host that does not depend on which addresses its devices have.
  await ipBatch([`addr replace ${hostSourceAddress(identity)}/32 dev lo`]);
  await nftApply(hostRuleset(identity, resolvers));
  const device = await defaultRouteDevice();
  const link = device ? (await listLinks()).find((candidate) => candidate.ifname === device) : undefined;
  return { mtu: link?.mtu ?? 1500 };
}

/**
 * Takes back the address and the table. Forwarding stays as it is: other programs may have come to rely on it.
 */
export async function tearDownHostNetwork(identity: NetworkIdentity): Promise<void> {
  await nftDeleteTable("inet", hostTable(identity));
  const address = hostSourceAddress(identity);
  if (await hasAddress("lo", address)) await ipBatch([`addr del ${address}/32 dev lo`]);
}
