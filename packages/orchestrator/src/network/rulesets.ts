import {
  guest,
  hostDevicePattern,
  hostTable,
  type NetworkIdentity,
  router,
  type SlotNames,
} from "./addresses.ts";

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

export interface EgressPolicy {
  internet: boolean;
  /** IPv4 addresses that may be asked over port 53 although their range is denied. */
  resolvers: string[];
}

/**
 * The host's table: sandboxes reach neither the host nor one another, nobody else reaches sandboxes, and their
 * traffic leaves under the host's address. Its rules name the device pattern, so no slot adds or removes a rule.
 */
export function hostRuleset(identity: NetworkIdentity, resolvers: string[]): string {
  const table = hostTable(identity);
  const devices = `"${hostDevicePattern(identity)}"`;
  return `table inet ${table}
delete table inet ${table}
table inet ${table} {
  chain input {
    type filter hook input priority -10; policy accept;
    iifname ${devices} ct state established,related accept
    iifname ${devices} counter reject
  }
  chain forward {
    type filter hook forward priority -10; policy accept;
    iifname ${devices} jump from_sandbox
    oifname ${devices} ct state established,related accept
    oifname ${devices} counter drop
  }
  chain from_sandbox {
    ct state established,related accept
    oifname ${devices} counter reject
    meta nfproto ipv6 counter drop
${resolverRules(resolvers)}    ip daddr { ${deniedRanges.join(", ")} } counter reject
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr ${identity.hostPrefix}.0.0/16 oifname != ${devices} masquerade
  }
}
`;
}

/** The router namespace's tables: address rewrite both ways, and the sandbox's own egress policy. */
export function routerRuleset(slot: SlotNames, policy: EgressPolicy): string {
  return `table ip slot_nat {
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    iifname "${router.uplink}" ip daddr ${slot.hostAddress} dnat to ${guest.address}
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    oifname "${router.uplink}" ip saddr ${guest.address} snat to ${slot.hostAddress}
  }
}
table inet slot_filter {
  chain input {
    type filter hook input priority filter; policy drop;
    ct state established,related accept
    iifname "${router.gateway}" counter reject
  }
  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    iifname "${router.uplink}" oifname "${router.gateway}" accept
    iifname "${router.gateway}" oifname "${router.uplink}" ip saddr ${guest.address} jump egress
  }
  chain egress {
${egressRules(policy)}  }
}
`;
}

/** Replaces the egress rules of a living slot in one transaction. */
export const egressUpdate = (policy: EgressPolicy): string =>
  `flush chain inet slot_filter egress
table inet slot_filter {
  chain egress {
${egressRules(policy)}  }
}
`;

function egressRules(policy: EgressPolicy): string {
  if (!policy.internet) return "    counter reject\n";
  return `${resolverRules(policy.resolvers)}    ip daddr { ${deniedRanges.join(", ")} } counter reject
    counter accept
`;
}

function resolverRules(resolvers: string[]): string {
  if (resolvers.length === 0) return "";
  return `    ip daddr { ${resolvers.join(", ")} } meta l4proto { tcp, udp } th dport 53 accept\n`;
}
