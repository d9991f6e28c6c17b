/** Headers that requests to a domain get. */
export interface HeaderRule {
  /** As configured: a lower-case name, or one with `*.` in front. */
  domain: string;
  /** Names as the client wrote them; values may refer to stored secrets. */
  headers: Record<string, string>;
}

/**
 * What became of intercepted traffic. `applied`: a connection's first request got its headers. `untrusted`: the program in
 * the sandbox ended the TLS handshake, mostly because it does not trust the node's authority. `misdirected`: a request for
 * another host than the connection's. `secret_unavailable`: a secret that a header refers to has no usable value.
 * `certificate_invalid`, `unreachable`: the way to the real server.
 */
export type TransformOutcome =
  | "applied"
  | "untrusted"
  | "misdirected"
  | "secret_unavailable"
  | "certificate_invalid"
  | "unreachable";

export interface TransformEvent {
  sandboxId: string;
  serverName: string;
  address: string;
  port: number;
  outcome: TransformOutcome;
  /** For people, without any header's value. */
  detail: string;
}
