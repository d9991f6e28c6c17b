import { expect, test } from "vitest";
import { parseRuleset } from "./nft.ts";

test("reads chains, hooks and rules, and joins sets that nft breaks over lines", () => {
  const text = `table ip slot_nat {
	chain prerouting {
		type nat hook prerouting priority dstnat; policy accept;
		iifname "upl" ip daddr 10.11.0.2 dnat to 169.254.0.21
	}
}
table inet filter {
	set allowed {
		type ipv4_addr
		elements = { 1.1.1.1,
			     8.8.8.8 }
	}

	chain egress {
		ip daddr { 10.0.0.0/8, 172.16.0.0/12,
			   192.168.0.0/16 } counter reject with icmp port-unreachable
		counter accept
	}
}
`;
  expect(parseRuleset(text)).toEqual([
    {
      chain: "ip slot_nat prerouting",
      hook: "type nat hook prerouting priority dstnat; policy accept;",
      rules: ['iifname "upl" ip daddr 10.11.0.2 dnat to 169.254.0.21'],
    },
    {
      chain: "inet filter egress",
      hook: undefined,
      rules: [
        "ip daddr { 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 } counter reject with icmp port-unreachable",
        "counter accept",
      ],
    },
  ]);
});

test("nothing is no chain", () => expect(parseRuleset("")).toEqual([]));
