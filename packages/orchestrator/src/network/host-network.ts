import { defaultRouteDevice, hasAddress, ipBatch, listLinks } from "@sandbank/linux/ip";
import { nftApply, nftChains, nftDeleteTable, nftTableExists } from "@sandbank/linux/nft";
import { readSysctl, writeSysctl } from "@sandbank/linux/sysctl";
import { hostDevicePattern, hostSourceAddress, hostTable, type NetworkIdentity } from "./addresses.ts";
import { otherCloud } from "./prefix-conflict.ts";
import { hostRuleset } from "./rulesets.ts";

/** What the host side needs once, before any slot: forwarding, the source address, the table of rules. */
export interface HostNetwork {
  /** MTU of the way out, which every device of a slot takes over. */
  mtu: number;
  /** Whether nothing of it was there before. */
  isNew: boolean;
}

const forwarding = "net.ipv4.ip_forward";

/** Idempotent. Rejects when the kernel refuses a part of it. */
export async function setUpHostNetwork(identity: NetworkIdentity, resolvers: string[]): Promise<HostNetwork> {
  const isNew = !(await nftTableExists("inet", hostTable(identity)));
  if ((await readSysctl(forwarding)) !== "1") await writeSysctl(forwarding, "1");
  // Sandboxes need a route back to the host that does not depend on which addresses its devices have.
  await ipBatch([`addr replace ${hostSourceAddress(identity)}/32 dev lo`]);
  await nftApply(hostRuleset(identity, resolvers));
  return { mtu: await uplinkMtu(), isNew };
}

/** MTU of the device that the default route goes out of. */
export async function uplinkMtu(): Promise<number> {
  const device = await defaultRouteDevice();
  const link = device ? (await listLinks()).find((candidate) => candidate.ifname === device) : undefined;
  return link?.mtu ?? 1500;
}

/** Puts back what is missing of it, and says what that was; nothing when all is there. */
export async function ensureHostNetwork(identity: NetworkIdentity, resolvers: string[]): Promise<string[]> {
  const missing = await missingHostNetwork(identity);
  if (missing.length === 0) return [];
  await setUpHostNetwork(identity, resolvers);
  return [`set up again on the host: ${missing.join(", ")}`];
}

/** The parts of the host's side that are not there, for people; none when all is well. */
export async function missingHostNetwork(identity: NetworkIdentity): Promise<string[]> {
  const table = hostTable(identity);
  const chains = (await nftChains()).filter(({ chain }) => chain.startsWith(`inet ${table} `));
  const address = hostSourceAddress(identity);
  const lacks = (name: string, part: string): boolean =>
    !chains.some(
      ({ chain, rules }) => chain.endsWith(` ${name}`) && rules.some((rule) => rule.includes(part)),
    );
  const devices = hostDevicePattern(identity);
  return [
    ...((await readSysctl(forwarding)) === "1" ? [] : [`${forwarding} is not 1`]),
    ...((await hasAddress("lo", address)) ? [] : [`address ${address} on lo`]),
    ...(chains.length > 0 ? [] : [`nft table inet ${table}`]),
    ...(chains.length > 0 && lacks("postrouting", "masquerade") ? [`rule masquerade in table ${table}`] : []),
    ...(chains.length > 0 && lacks("forward", `"${devices}" jump`) ? [`rule forward in table ${table}`] : []),
    ...(chains.length > 0 && lacks("input", `"${devices}"`) ? [`rule input in table ${table}`] : []),
  ];
}

/**
 * Takes back the address and the table. Forwarding stays as it is: other programs may have come to rely on it.
 */
export async function tearDownHostNetwork(identity: NetworkIdentity): Promise<void> {
  await nftDeleteTable("inet", hostTable(identity));
  const address = hostSourceAddress(identity);
  // Not when it is another cloud's: this one was refused, or had other addresses before.
  if (otherCloud(identity, await nftChains()) !== undefined) return;
  if (await hasAddress("lo", address)) await ipBatch([`addr del ${address}/32 dev lo`]);
}
