import { deniedRanges, type KernelEgress } from "../egress/kernel-egress.ts";
import {
  forwarderPort,
  guest,
  hostDevicePattern,
  hostSourceAddress,
  hostTable,
  type NetworkIdentity,
  router,
  type SlotNames,
} from "./addresses.ts";

/**
 * How a slot's router tells the host that a TCP connection, or a DNS question, is the forwarder's: a code point in the packet, so that the
 * host's table needs no rule and no element per slot. Sandboxes can't set it: the router clears theirs.
 */
const handOverDscp = "0x2b";

/** Where the slot's own rules are; see `egress-recorder.ts` for what is read there. */
export const slotTable = "slot_filter";

/**
 * The host's table: sandboxes reach neither the host nor one another, nobody else reaches sandboxes, and their
 * traffic leaves under the host's address. Its rules name the device pattern, so no slot adds or removes a rule.
 */
export function hostRuleset(identity: NetworkIdentity, resolvers: string[]): string {
  const table = hostTable(identity);
  const devices = `"${hostDevicePattern(identity)}"`;
  const forwarder = hostSourceAddress(identity);
  const sandboxes = `${identity.hostPrefix}.0.0/16`;
  return `table inet ${table}
delete table inet ${table}
table inet ${table} {
  chain input {
    type filter hook input priority -10; policy accept;
    iifname ${devices} ct state established,related accept
    iifname ${devices} ip daddr ${forwarder} meta l4proto { tcp, udp } th dport ${forwarderPort} ct status dnat accept
    iifname ${devices} counter reject
  }
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    iifname ${devices} ip saddr ${sandboxes} ip dscp ${handOverDscp} meta l4proto tcp dnat ip to ${forwarder}:${forwarderPort}
    iifname ${devices} ip saddr ${sandboxes} ip dscp ${handOverDscp} udp dport 53 dnat ip to ${forwarder}:${forwarderPort}
  }
  chain forward {
    type filter hook forward priority -10; policy accept;
    iifname ${devices} jump from_sandbox
    oifname ${devices} ct state established,related accept
    oifname ${devices} counter drop
  }
  chain from_sandbox {
    meta l4proto tcp ip dscp ${handOverDscp} counter reject with tcp reset
    ip dscp ${handOverDscp} counter reject
    ct state established,related accept
    oifname ${devices} counter reject
    meta nfproto ipv6 counter drop
${toRanges(resolvers, [askResolver])
  .map((rule) => `    ${rule}\n`)
  .join("")}    ip daddr { ${deniedRanges.join(", ")} } counter reject
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr ${sandboxes} oifname != ${devices} masquerade
  }
}
`;
}

/**
 * The router namespace's tables: address rewrite both ways, and the sandbox's own egress policy. What is refused is
 * answered in the way that programs learn of it at once: gVisor tells UDP sockets of no other message than this one.
 * What `nudgeConnections` sends must not be taken for a connection of its own.
 * Answers on connections from the host pass; a message "related" to one of the sandbox's own is judged like any other packet,
 * since it could carry to a denied address what the connection may not.
 */
export function routerRuleset(slot: SlotNames, egress: KernelEgress): string {
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
table inet ${slotTable} {
  counter denied_packets { }
  set denied {
    type ipv4_addr . inet_proto . inet_service; flags dynamic,timeout; timeout 1h; size 512; counter;
  }
  set denied_other { type ipv4_addr . inet_proto; flags dynamic,timeout; timeout 1h; size 64; counter; }
  chain nudges {
    type filter hook output priority raw; policy accept;
    ip daddr ${guest.address} ip saddr != ${guest.gateway} notrack
  }
  chain input {
    type filter hook input priority filter; policy drop;
    ct state established,related accept
    iifname "${router.gateway}" jump refuse
  }
  chain forward {
    type filter hook forward priority filter; policy drop;
    iifname "${router.uplink}" oifname "${router.gateway}" accept
    iifname "${router.gateway}" oifname "${router.uplink}" ip saddr ${guest.address} jump outgoing
    iifname "${router.gateway}" meta nfproto ipv6 jump refuse
  }
  chain outgoing {
    ip dscp set cs0
    ct direction reply accept
    jump egress
  }
  chain refuse {
    counter name denied_packets
    meta l4proto { tcp, udp } update @denied { ip daddr . meta l4proto . th dport }
    meta l4proto != { tcp, udp } update @denied_other { ip daddr . meta l4proto }
    meta l4proto tcp reject with tcp reset
    meta l4proto udp reject with icmpx port-unreachable
    reject with icmpx admin-prohibited
  }
  chain hand_over {
    ct state new ct mark set 1
    ct mark 1 ip dscp set ${handOverDscp} accept
  }
  chain egress {
${egressRules(egress)}  }
}
`;
}

/** Replaces the egress rules of a living slot in one transaction. */
export const egressUpdate = (egress: KernelEgress): string =>
  `flush chain inet ${slotTable} egress
table inet ${slotTable} {
  chain egress {
${egressRules(egress)}  }
}
`;

/**
 * Judged for every packet that the sandbox sends, not for the first one of a connection: what a new policy denies ends at
 * once, and what it allows goes on. A connection that was never handed over has no mark and is judged by its address.
 */
function egressRules({ resolvers, allow, deny, handOver }: KernelEgress): string {
  const handOverTcp = "meta l4proto tcp jump hand_over";
  const rules = [
    ...toRanges(handOver.denied ? resolvers : [], [`udp dport 53 ip dscp set ${handOverDscp} accept`]),
    ...toRanges(resolvers, [askResolver]),
    `ip daddr { ${deniedRanges.join(", ")} } jump refuse`,
    ...toRanges(allow, handOver.allowed ? [handOverTcp, "accept"] : ["accept"]),
    // Where names are allowed everything else is denied, so what comes here is denied by its address.
    ...(handOver.denied ? [handOverTcp] : []),
    ...toRanges(deny, ["jump refuse"]),
    ...(handOver.allowed ? [handOverTcp] : []),
    "accept",
  ];
  return rules.map((rule) => `    ${rule}\n`).join("");
}

const toRanges = (ranges: readonly string[], verdicts: string[]): string[] =>
  ranges.length === 0 ? [] : verdicts.map((verdict) => `ip daddr { ${ranges.join(", ")} } ${verdict}`);

const askResolver = "meta l4proto { tcp, udp } th dport 53 accept";
