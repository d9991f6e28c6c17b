import { parseDomainPattern } from "@sandbank/core/domain-pattern";
import type { EgressRule } from "@sandbank/protocol/egress-policy";
import type { components } from "@sandbank/protocol/gen/openapi";
import { invalidNetwork } from "./sandbox-errors.ts";

type RulesConfig = NonNullable<components["schemas"]["EgressRules"]>;

const limits = { domains: 10, domainLength: 128, headers: 20, nameLength: 64, valueLength: 2048 };

const tokenPattern = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const valuePattern = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Say how a message is framed and where it goes: whoever sets them could send more than one. */
const framingHeaders = new Set([
  "connection",
  "content-length",
  "host",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

function readHeaders(domain: string, headers: Record<string, string>): Record<string, string> {
  const entries = Object.entries(headers);
  if (entries.length > limits.headers) {
    throw invalidNetwork(`the rule for "${domain}" has more than ${limits.headers} headers`);
  }
  for (const [name, value] of entries) {
    if (name.length > limits.nameLength || !tokenPattern.test(name)) {
      throw invalidNetwork(
        `"${name.slice(0, limits.nameLength)}" is no header name of at most ${limits.nameLength} characters`,
      );
    }
    if (framingHeaders.has(name.toLowerCase())) throw invalidNetwork(`a rule can't set the header "${name}"`);
    if (value.length > limits.valueLength || !valuePattern.test(value)) {
      throw invalidNetwork(
        `the value of header "${name}" is no header value of at most ${limits.valueLength} characters`,
      );
    }
  }
  return Object.fromEntries(entries);
}

function readRule(key: string, list: RulesConfig[string]): EgressRule {
  const domain = key.length <= limits.domainLength ? parseDomainPattern(key) : undefined;
  if (domain === undefined) {
    throw invalidNetwork(
      `rules key "${key.slice(0, limits.domainLength)}" is no domain of at most ${limits.domainLength} characters`,
    );
  }
  const [rule, ...more] = list;
  if (!rule || more.length > 0) throw invalidNetwork(`rules for "${key}" must have exactly one entry`);
  return { domain, headers: readHeaders(domain, rule.transform?.headers ?? {}) };
}

/** Rules in the order in which they are tried. Throws `invalid_argument` naming what is wrong. */
export function readEgressRules(config: RulesConfig): EgressRule[] {
  const rules = Object.entries(config).map(([key, list]) => readRule(key, list));
  if (rules.length > limits.domains)
    throw invalidNetwork(`rules are for more than ${limits.domains} domains`);
  const names = new Set(rules.map(({ domain }) => domain));
  if (names.size < rules.length) throw invalidNetwork("rules name a domain twice");
  const isWildcard = ({ domain }: EgressRule): number => (domain.startsWith("*.") ? 1 : 0);
  return rules.toSorted((a, b) => isWildcard(a) - isWildcard(b) || b.domain.length - a.domain.length);
}
