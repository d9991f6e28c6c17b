import type { IncomingMessage } from "node:http";

/** Headers that belong to one connection and end where it ends (RFC 9110, 7.6.1), beside what `Connection` names. */
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

/**
 * What of a message's headers goes on to the next connection, as a flat name-value list with order, case and
 * repetitions kept. `without` holds lower-case names to leave out besides.
 */
export function forwardedHeaders(
  raw: readonly string[],
  connection: string | undefined,
  without?: ReadonlySet<string>,
): string[] {
  const named = nominated(connection);
  const kept: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? "";
    const lower = name.toLowerCase();
    if (hopByHop.has(lower) || without?.has(lower) || named?.has(lower)) continue;
    kept.push(name, raw[i + 1] ?? "");
  }
  return kept;
}

/**
 * The first line of an answer, as it may go on. Node reads statuses and texts that it throws on when it is to write them:
 * undefined when the status is none; a text that can't be written is left out.
 */
export function forwardedStatus({
  statusCode = 0,
  statusMessage = "",
}: IncomingMessage): { status: number; text: string } | undefined {
  if (statusCode < 100) return undefined;
  return { status: statusCode, text: /^[\t\x20-\x7e\x80-\xff]*$/.test(statusMessage) ? statusMessage : "" };
}

/** Head of an answer for a connection that is not HTTP's any more; `headers` is a flat name-value list. */
export function rawHead(answer: IncomingMessage, headers: readonly string[]): string {
  const line = forwardedStatus(answer);
  let head = line ? `HTTP/1.1 ${line.status} ${line.text}\r\n` : "HTTP/1.1 502 Bad Gateway\r\n";
  for (let i = 0; i + 1 < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`;
  return `${head}\r\n`;
}

/** Whether a header of one connection only, or of a message's framing, which nobody may set for another. */
export const isConnectionHeader = (lowerName: string): boolean =>
  hopByHop.has(lowerName) || lowerName === "content-length";

/** Whether a flat name-value list has a header; `name` in lower case. */
export const hasHeader = (raw: readonly string[], name: string): boolean => {
  for (let i = 0; i < raw.length; i += 2) {
    const candidate = raw[i];
    if (candidate?.length === name.length && candidate.toLowerCase() === name) return true;
  }
  return false;
};

/** HTTP/1.1 says so by one of two headers. */
export const hasBody = (request: IncomingMessage): boolean =>
  request.headers["transfer-encoding"] !== undefined ||
  (request.headers["content-length"] !== undefined && request.headers["content-length"] !== "0");

/** How long a client may go on sending what nobody reads. */
const lingerMs = 30_000;

/**
 * Reads the rest of a body to nowhere. Closing instead would reset the connection, and a client that still sends would
 * see the reset rather than the answer.
 */
export function discardBody(request: IncomingMessage): void {
  if (request.complete || request.destroyed) return;
  const timer = setTimeout(() => request.socket.destroy(), lingerMs);
  request.once("close", () => clearTimeout(timer));
  request.once("end", () => clearTimeout(timer));
  request.unpipe();
  request.resume();
}

/** Header names that `Connection` lists; undefined in the usual case that it lists none. */
function nominated(connection: string | undefined): Set<string> | undefined {
  if (connection === undefined || /^(keep-alive|close|upgrade)$/i.test(connection)) return undefined;
  const names = connection.split(",").map((name) => name.trim().toLowerCase());
  // Framing is not the client's to take away: a body without its length would be read as the next request.
  return new Set(names.filter((name) => name !== "content-length" && name !== "host"));
}
