import { bestDomainMatch, matchesDomain } from "@sandbank/core/domain-pattern";
import { ipv4Matcher } from "@sandbank/core/ip-range";
import type { EgressPolicy, EgressRule } from "@sandbank/protocol/egress-policy";
import { deniedRanges } from "./kernel-egress.ts";

/** Whether an address is one that no sandbox ever reaches. */
export const isNeverReachable = ipv4Matcher(deniedRanges);

/**
 * Why a destination is allowed: `range` and `domain` by an entry of `allowOut`, `open` because nothing denies it; or denied:
 * `private` whatever the policy says, `range` by `denyOut`, `name` because nothing allows the name.
 */
export type Verdict =
  | { allowed: true; by: "range" | "domain" | "open" }
  | { allowed: false; by: "private" | "range" | "name" };

/** A policy, ready to be asked. */
export class PolicyView {
  readonly policy: EgressPolicy;
  readonly #isAllowed: (address: string) => boolean;
  readonly #isDenied: (address: string) => boolean;

  constructor(policy: EgressPolicy) {
    this.policy = policy;
    const servers = policy.allowDomains.length > 0 ? (policy.dnsServers ?? []) : [];
    this.#isAllowed = ipv4Matcher([...policy.allowRanges, ...servers]);
    this.#isDenied = ipv4Matcher(policy.denyRanges);
  }

  /** Of an IPv4 address alone. */
  byAddress(address: string): Verdict {
    if (isNeverReachable(address)) return { allowed: false, by: "private" };
    if (this.#isAllowed(address)) return { allowed: true, by: "range" };
    return this.#isDenied(address) ? { allowed: false, by: "range" } : { allowed: true, by: "open" };
  }

  allowsName(name: string): boolean {
    return this.policy.allowDomains.some((pattern) => matchesDomain(pattern, name));
  }

  ruleFor(name: string): EgressRule | undefined {
    return bestDomainMatch(this.policy.rules, name);
  }

  /** Allowed names that are no wildcards: what they lead to can be looked up beforehand. */
  get exactNames(): string[] {
    return this.policy.allowDomains.filter((pattern) => !pattern.startsWith("*."));
  }

  /** Whether something depends on the name that a client says on a connection to this address. */
  needsName(address: string): boolean {
    if (this.policy.rules.length > 0) return true;
    return this.policy.allowDomains.length > 0 && !this.byAddress(address).allowed;
  }
}
