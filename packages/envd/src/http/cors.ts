import type { IncomingMessage, ServerResponse } from "node:http";

const exposed =
  "Location, Cache-Control, Content-Encoding, Content-Length, Content-Range, X-Content-Type-Options, X-Envd-Version";

/** Lets pages of any origin use the daemon. True when the request was a preflight and is answered. */
export function applyCors(request: IncomingMessage, response: ServerResponse): boolean {
  if (request.headers.origin === undefined) return false;
  response.setHeader("Access-Control-Allow-Origin", "*");
  response.setHeader("Vary", "Origin");
  const wanted = request.headers["access-control-request-method"];
  if (request.method !== "OPTIONS" || wanted === undefined) {
    response.setHeader("Access-Control-Expose-Headers", exposed);
    return false;
  }
  response.setHeader("Access-Control-Allow-Methods", "HEAD, GET, POST, PUT, PATCH, DELETE");
  response.setHeader(
    "Access-Control-Allow-Headers",
    request.headers["access-control-request-headers"] ?? "*",
  );
  response.setHeader("Access-Control-Max-Age", "7200");
  response.writeHead(204).end();
  return true;
}
