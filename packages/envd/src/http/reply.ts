import type { ServerResponse } from "node:http";

/** A failed HTTP request (not RPC): `{code, message}` with the status as code. */
export class HttpError extends Error {
  override readonly name = "HttpError";
  readonly status: number;

  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  const body = JSON.stringify(value);
  response
    .writeHead(status, {
      "content-type": "application/json",
      "content-length": String(Buffer.byteLength(body)),
    })
    .end(body);
}

export function sendEmpty(response: ServerResponse, status = 204): void {
  response.writeHead(status).end();
}

export function sendError(response: ServerResponse, error: HttpError): void {
  if (response.headersSent) response.destroy();
  else sendJson(response, error.status, { code: error.status, message: error.message });
}
