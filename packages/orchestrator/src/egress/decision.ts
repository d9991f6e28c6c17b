/** What was decided about something that a sandbox wanted to reach. */
export interface Decision {
  sandboxId: string;
  verdict: "allowed" | "denied";
  /**
   * Allowed: by `range` or `domain` of `allowOut`, or `open` because nothing denies it. Denied: `private` (no sandbox ever
   * reaches it), `range` (`denyOut`), `name` (not allowed, or none was said), `policy` (a changed policy ended it), `limit`
   * (too many connections), `kernel` (the slot's rules refused a packet). `failed`: allowed, and nobody answered.
   * Where a rule puts headers in: `rule` (they were), `untrusted` (the program did not take our certificate), `host` (a
   * request for another host than the connection's), `secret` (one is missing), `certificate` (the server's is not valid).
   */
  reason: DecisionReason;
  protocol: string;
  address: string;
  /** 0 for protocols without ports. */
  port: number;
  /** That the client said, where it matters. */
  name?: string | undefined;
  /** For people. */
  detail?: string | undefined;
  /** How often, when it is about more than one connection or packet. */
  count?: number | undefined;
}

export const decisionReasons = [
  "range",
  "domain",
  "open",
  "private",
  "name",
  "policy",
  "limit",
  "kernel",
  "failed",
  "rule",
  "untrusted",
  "host",
  "secret",
  "certificate",
] as const;
export type DecisionReason = (typeof decisionReasons)[number];
