import { forwardedHeaders, hasHeader } from "@sandbank/protocol/forwarding";

/** What a client claims about the way before the edge. Services must not be led to believe it. */
const claims = new Set(["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"]);

/** Flat name-value list of a request, as it goes to the sandbox: order, case and repetitions kept. */
export function requestHeaders(raw: readonly string[], connection: string | undefined): string[] {
  const kept = forwardedHeaders(raw, connection, claims);
  // The body is framed anew on the next connection.
  if (hasHeader(raw, "transfer-encoding")) kept.push("Transfer-Encoding", "chunked");
  return kept;
}

/** The same for a protocol upgrade. */
export function upgradeHeaders(raw: readonly string[], connection: string, protocol: string): string[] {
  const kept = forwardedHeaders(raw, connection, claims);
  kept.push("Connection", "Upgrade", "Upgrade", protocol);
  return kept;
}
