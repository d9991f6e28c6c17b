import { ipv4Matcher } from "@sandbank/core/ip-range";
import type { EgressPolicy } from "@sandbank/protocol/egress-policy";

/** Never reachable from a sandbox, whatever its policy says. */
export const deniedRanges = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "224.0.0.0/4",
  "240.0.0.0/4",
] as const;

/** E2B lets a sandbox with domains ask this one. */
const implicitResolver = "8.8.8.8";

/** The part of a policy that the kernel decides by address alone, and what it leaves to the forwarder. */
export interface KernelEgress {
  /** May be asked over port 53 although their range is denied. */
  resolvers: string[];
  allow: string[];
  deny: string[];
  /** Which TCP the forwarder gets. */
  handOver: {
    /** What is allowed by address, for a proxy or rules. */
    allowed: boolean;
    /** What is denied by address, to be judged by name; and DNS over UDP, to see where names lead. */
    denied: boolean;
  };
}

const isEverything = (range: string): boolean => range === "0.0.0.0/0";

/** Which of the node's and the policy's resolvers a sandbox may ask. */
function resolversOf(policy: EgressPolicy, nodeResolvers: readonly string[]): string[] {
  if (policy.allowDomains.length > 0) {
    return policy.dnsServers ? [] : [...new Set([...nodeResolvers, implicitResolver])];
  }
  const [allows, denies] = [ipv4Matcher(policy.allowRanges), ipv4Matcher(policy.denyRanges)];
  return nodeResolvers.filter((address) => allows(address) || !denies(address));
}

const isDenied = ipv4Matcher(deniedRanges);

/** Resolvers of a policy's choice that may be asked: one in a private range stays closed, unless it is the node's own. */
export const usableServers = (servers: readonly string[], nodeResolvers: readonly string[]): string[] =>
  servers.filter((address) => nodeResolvers.includes(address) || !isDenied(address));

/** What the rules in a slot's router namespace must say. `nodeResolvers` are those that sandboxes are told of. */
export function kernelEgress(policy: EgressPolicy, nodeResolvers: readonly string[]): KernelEgress {
  const { allowRanges, allowDomains, denyRanges, rules, proxy, dnsServers } = policy;
  const servers = allowDomains.length > 0 ? (dnsServers ?? []) : [];
  return {
    resolvers: [...resolversOf(policy, nodeResolvers), ...usableServers(servers, nodeResolvers)],
    allow: [...allowRanges, ...servers.map((address) => `${address}/32`)],
    deny: denyRanges.some(isEverything) ? ["0.0.0.0/0"] : denyRanges,
    handOver: { allowed: proxy !== undefined || rules.length > 0, denied: allowDomains.length > 0 },
  };
}
