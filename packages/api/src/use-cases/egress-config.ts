import { isIPv4 } from "node:net";
import { parseDomainPattern } from "@sandbank/core/domain-pattern";
import { type IpRange, parseIpRange } from "@sandbank/core/ip-range";
import type { EgressPolicy } from "@sandbank/protocol/egress-policy";
import type { components } from "@sandbank/protocol/gen/openapi";
import { readEgressProxy } from "./egress-proxy-config.ts";
import { readEgressRules } from "./egress-rules-config.ts";
import { invalidNetwork } from "./sandbox-errors.ts";

/** The fields of a request that say what a sandbox may reach: part of a create's `network`, all of an update. */
export type EgressConfig = Pick<
  components["schemas"]["NetworkUpdate"],
  "allowOut" | "denyOut" | "dnsServers" | "egressProxy" | "rules"
>;

const everything = "0.0.0.0/0";

/** IPv6 is closed for every sandbox: denying a part of it says nothing new, allowing one opens nothing. */
const ipv4Texts = (ranges: IpRange[]): string[] =>
  ranges.filter(({ family }) => family === 4).map(({ text }) => text);

function readDenyOut(entries: string[]): string[] {
  const ranges = entries.map((entry) => {
    const range = parseIpRange(entry);
    if (range) return range;
    if (parseDomainPattern(entry) === undefined) {
      throw invalidNetwork(`denyOut entry "${entry}" is neither an IP address nor a CIDR range`);
    }
    throw invalidNetwork(
      `denyOut entry "${entry}" is a domain: only IP addresses and CIDR ranges can be denied`,
    );
  });
  // E2B's clients say "everything" in either family.
  const isEverything = ranges.some(({ text }) => text === "::/0");
  return isEverything && ranges.length === 1 ? [everything] : ipv4Texts(ranges);
}

function readAllowOut(entries: string[]): Pick<EgressPolicy, "allowRanges" | "allowDomains"> {
  const ranges: IpRange[] = [];
  const domains: string[] = [];
  for (const entry of entries) {
    const range = parseIpRange(entry);
    const domain = range ? undefined : parseDomainPattern(entry);
    if (range) ranges.push(range);
    else if (domain !== undefined) domains.push(domain);
    else throw invalidNetwork(`allowOut entry "${entry}" is no IP address, CIDR range or domain`);
  }
  return { allowRanges: ipv4Texts(ranges), allowDomains: [...new Set(domains)] };
}

function readDnsServers(addresses: string[] | null | undefined): string[] | undefined {
  const wrong = addresses?.find((address) => !isIPv4(address));
  if (wrong !== undefined) throw invalidNetwork(`dnsServers entry "${wrong}" is no IPv4 address`);
  return addresses ?? undefined;
}

/** What a request wants a sandbox to reach. Throws `invalid_argument` naming the entry that is wrong. */
export function readEgressPolicy(
  config: EgressConfig,
  allowInternetAccess: boolean | null | undefined,
): EgressPolicy {
  const { allowRanges, allowDomains } = readAllowOut(config.allowOut ?? []);
  const denied = readDenyOut(config.denyOut ?? []);
  const denyRanges = allowInternetAccess === false ? [everything] : denied;
  if (allowDomains.length > 0 && !denyRanges.includes(everything)) {
    throw invalidNetwork(
      `allowOut has domains, so denyOut must have "${everything}": without it every destination is allowed already`,
    );
  }
  return {
    allowRanges,
    allowDomains,
    denyRanges,
    rules: readEgressRules(config.rules ?? {}),
    proxy: readEgressProxy(config.egressProxy),
    dnsServers: readDnsServers(config.dnsServers),
  };
}
