/** What one sandbox may reach, free of the wire's alternatives: the API reads it from requests, the node enforces it. */
export interface EgressPolicy {
  /** IPv4 ranges as CIDR text. What is allowed wins over what is denied. */
  allowRanges: string[];
  /** Lower-case names; `*.` in front stands for any number of labels, not for none. */
  allowDomains: string[];
  /** IPv4 ranges as CIDR text. `0.0.0.0/0` leaves only what is allowed. */
  denyRanges: string[];
  /** What is put into requests; a rule opens nothing. Exact names come before wildcards, longer ones before shorter. */
  rules: EgressRule[];
  /** SOCKS5 proxy that allowed TCP connections go through. */
  proxy?: EgressProxy | undefined;
  /** IPv4 addresses that may be asked when domains are used; absent: the usual ones. */
  dnsServers?: string[] | undefined;
}

/** Headers that requests to a domain get. At most one rule is applied to a request. */
export interface EgressRule {
  /** Lower-case name, or one with `*.` in front. */
  domain: string;
  /** Names as the client wrote them; values may refer to stored secrets. */
  headers: Record<string, string>;
}

export interface EgressProxy {
  /** Name or IPv4 address. */
  host: string;
  port: number;
  username?: string | undefined;
  password?: string | undefined;
  /** Speak TLS with the proxy itself. */
  tls?: EgressProxyTls | undefined;
}

export interface EgressProxyTls {
  /** Name that the proxy's certificate is checked for; its host when absent. */
  serverName?: string | undefined;
  /** PEM of authorities to trust instead of the usual ones. */
  ca?: string | undefined;
}

/** Whether nothing is said beyond what holds for every sandbox. */
export const isOpenPolicy = ({
  allowRanges,
  allowDomains,
  denyRanges,
  rules,
  proxy,
}: EgressPolicy): boolean =>
  proxy === undefined && [allowRanges, allowDomains, denyRanges, rules].every((list) => list.length === 0);

/** Everything but the ranges that no sandbox ever reaches. */
export const openPolicy: EgressPolicy = { allowRanges: [], allowDomains: [], denyRanges: [], rules: [] };
