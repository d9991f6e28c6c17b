import { type NetworkState, readNetwork } from "@sandbank/linux/ip";
import { type ChainRules, nftChains } from "@sandbank/linux/nft";
import { hostSourceAddress, hostTable, type NetworkIdentity, slotIndexOf } from "./addresses.ts";

const tablePattern = new RegExp(`^inet ${hostTable({ tag: "([a-z0-9]+)", hostPrefix: "" })} `);

/**
 * Who else on this machine has addresses of the identity's /16, for people; undefined when nobody has. Two clouds with
 * the same ones would take each other's routes and source address.
 */
export async function prefixConflict(identity: NetworkIdentity): Promise<string | undefined> {
  const [chains, network] = await Promise.all([nftChains(), readNetwork()]);
  return otherCloud(identity, chains) ?? otherDevice(identity, network);
}

/** Its table names its addresses, also while none of its sandboxes runs. */
export function otherCloud({ tag, hostPrefix }: NetworkIdentity, chains: ChainRules[]): string | undefined {
  for (const { chain, rules } of chains) {
    const other = tablePattern.exec(chain)?.[1];
    if (other === undefined || other === tag) continue;
    if (rules.some((rule) => rule.includes(`${hostPrefix}.0.0/16`)))
      return `the cloud with SANDBANK_TAG=${other}`;
  }
  return undefined;
}

export function otherDevice(identity: NetworkIdentity, { links, routes }: NetworkState): string | undefined {
  const isInside = (address: string): boolean => address.startsWith(`${identity.hostPrefix}.`);
  const own = `${hostSourceAddress(identity)}/32`;
  for (const { name, addresses } of links) {
    const address = addresses.find((each) => isInside(each) && !(name === "lo" && each === own));
    if (address !== undefined) return `the device ${name} with ${address}`;
  }
  const route = routes.find(
    ({ destination, device }) => isInside(destination) && slotIndexOf(identity, device) === undefined,
  );
  return route && `a route to ${route.destination} over ${route.device}`;
}
