import type { SandboxLogs } from "../../observe/sandbox-logs.ts";

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

const messages: Record<TransformOutcome, string> = {
  applied: "egress: headers were put in",
  untrusted: "egress: a program did not accept the TLS connection to a host with a rule",
  misdirected: "egress: a request was refused",
  secret_unavailable: "egress: a request was refused, because a secret is missing",
  certificate_invalid: "egress: a request was refused, because the server could not prove who it is",
  unreachable: "egress: the server of a host with a rule could not be reached",
};

/** Writes it into the sandbox's own log. */
export function recordTransform(logs: SandboxLogs, event: TransformEvent): void {
  const { sandboxId, outcome, ...fields } = event;
  logs.write(sandboxId, outcome === "applied" ? "info" : "warn", messages[outcome], fields);
}
