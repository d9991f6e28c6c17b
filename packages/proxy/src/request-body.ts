import type { IncomingMessage } from "node:http";

/** How long a client may go on sending what nobody reads. */
const lingerMs = 30_000;

/** HTTP/1.1 says so by one of two headers. */
export const hasBody = (request: IncomingMessage): boolean =>
  request.headers["transfer-encoding"] !== undefined ||
  (request.headers["content-length"] !== undefined && request.headers["content-length"] !== "0");

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
