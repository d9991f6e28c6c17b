import { AppError, type ErrorCode } from "@sandbank/core/errors";
import { headers } from "@sandbank/protocol/headers";

export interface LocalApi {
  apiUrl: string;
  apiKey: string;
}

/** Of the statuses that callers tell apart. */
const codes: Record<number, ErrorCode> = { 404: "not_found", 429: "resource_exhausted" };

/** One call of this cloud's own API, as any client makes it. Rejects with AppError when the answer is no success. */
export async function callLocalApi(
  { apiUrl, apiKey }: LocalApi,
  method: string,
  path: string,
  body?: unknown,
): Promise<unknown> {
  const response = await fetch(`${apiUrl}${path}`, {
    method,
    headers: { [headers.apiKey]: apiKey, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(60_000),
  });
  const text = await response.text();
  if (response.ok) return text ? JSON.parse(text) : undefined;
  const message = `${method} ${path} gives ${response.status}: ${text}`;
  throw new AppError({ code: codes[response.status] ?? "internal", message });
}
