/** Headers that belong to one connection and end at the edge (RFC 9110, 7.6.1), beside what `Connection` names. */
const hopByHop = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** What a client claims about the way before the edge. Services must not be led to believe it. */
const claims = new Set(["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"]);

/** Flat name-value list of a request, as it goes to the sandbox: order, case and repetitions kept. */
export function requestHeaders(raw: readonly string[], connection: string | undefined): string[] {
  const kept = copy(raw, nominated(connection), claims);
  // The body is framed anew on the next connection.
  if (has(raw, "transfer-encoding")) kept.push("Transfer-Encoding", "chunked");
  return kept;
}

/** The same for a protocol upgrade. */
export function upgradeHeaders(raw: readonly string[], connection: string, protocol: string): string[] {
  const kept = copy(raw, nominated(connection), claims);
  kept.push("Connection", "Upgrade", "Upgrade", protocol);
  return kept;
}

/** Flat name-value list of a response, as it goes to the client. */
export function responseHeaders(raw: readonly string[], connection: string | undefined): string[] {
  return copy(raw, nominated(connection), undefined);
}

export const has = (raw: readonly string[], name: string): boolean => {
  for (let i = 0; i < raw.length; i += 2) {
    const candidate = raw[i];
    if (candidate?.length === name.length && candidate.toLowerCase() === name) return true;
  }
  return false;
};

function copy(
  raw: readonly string[],
  named: Set<string> | undefined,
  also: Set<string> | undefined,
): string[] {
  const kept: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? "";
    const lower = name.toLowerCase();
    if (hopByHop.has(lower) || also?.has(lower) || named?.has(lower)) continue;
    kept.push(name, raw[i + 1] ?? "");
  }
  return kept;
}

/** Header names that `Connection` lists; undefined in the usual case that it lists none. */
function nominated(connection: string | undefined): Set<string> | undefined {
  if (connection === undefined || /^(keep-alive|close|upgrade)$/i.test(connection)) return undefined;
  const names = connection.split(",").map((name) => name.trim().toLowerCase());
  // Framing is not the client's to take away: a body without its length would be read as the next request.
  return new Set(names.filter((name) => name !== "content-length" && name !== "host"));
}
