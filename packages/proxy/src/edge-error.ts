import { STATUS_CODES, type IncomingMessage, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { discardBody } from "@sandbank/protocol/forwarding";
import { wantsHtml } from "./browser.ts";
import { errorPage } from "./error-page.ts";

/** An answer that the edge itself gives instead of a sandbox's. */
export interface EdgeError {
  status: number;
  /** For the client. SDKs look for phrases in it: "was not found", "port is not open". */
  message: string;
  sandboxId?: string;
  port?: number;
  /** Only in the answer for a refused route. */
  path?: string;
  /** Most connections that one sandbox may have, when that is what was exceeded. */
  connectionLimit?: number;
  /** The request itself is wrong: the answer is plain text, for whoever writes the client. */
  plain?: boolean;
}

export const sandboxNotFound = (sandboxId: string): EdgeError => ({
  status: 502,
  message: "The sandbox was not found",
  sandboxId,
});

export const portNotOpen = (sandboxId: string, port: number): EdgeError => ({
  status: 502,
  message: "The sandbox is running but port is not open",
  sandboxId,
  port,
});

/** The service took the connection and ended it, or could not be reached for a reason that is not its own. */
export const serviceFailed = (sandboxId: string, port: number, what: string): EdgeError => ({
  status: 502,
  message: `The sandbox is running but ${what}`,
  sandboxId,
  port,
});

export function sendError(request: IncomingMessage, response: ServerResponse, error: EdgeError): void {
  const { contentType, body } = render(request, error);
  // A client that waits for "100 Continue" may never send its body, and the next request could not be told from it.
  if (request.headers.expect !== undefined) response.shouldKeepAlive = false;
  else discardBody(request);
  response.writeHead(error.status, {
    "content-type": contentType,
    "content-length": Buffer.byteLength(body),
  });
  response.end(request.method === "HEAD" ? undefined : body);
}

/** The same for a connection that was taken out of HTTP's hands by an upgrade; ends it. */
export function sendErrorRaw(request: IncomingMessage, socket: Duplex, error: EdgeError): void {
  const { contentType, body } = render(request, error);
  socket.end(
    `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status] ?? ""}\r\ncontent-type: ${contentType}\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

function render(request: IncomingMessage, error: EdgeError): { contentType: string; body: string } {
  if (error.plain) return { contentType: "text/plain; charset=utf-8", body: `${error.message}\n` };
  if (wantsHtml(request.headers)) {
    return { contentType: "text/html; charset=utf-8", body: errorPage(error) };
  }
  const { status, plain: _, ...fields } = error;
  return {
    contentType: "application/json; charset=utf-8",
    body: JSON.stringify({ ...fields, code: status }),
  };
}
