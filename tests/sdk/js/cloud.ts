import { request as httpRequest, type IncomingMessage } from "node:http";
import { readFile } from "node:fs/promises";
import { once } from "node:events";

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`these tests need a running cloud; ${name} is not set`);
  return value;
}

/** Where the cloud under test is. The SDK reads the same variables. */
export const cloud = {
  apiUrl: required("E2B_API_URL"),
  proxyUrl: required("E2B_SANDBOX_URL"),
  apiKey: required("E2B_API_KEY"),
  /** Host and port of the sandbox proxy. */
  domain: required("E2B_DOMAIN"),
};

export interface Answer {
  status: number;
  headers: IncomingMessage["headers"];
  body: string;
}

/** A plain HTTP client: unlike fetch it lets a test choose the Host header. */
export async function ask(
  url: string,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  const { method = "GET", headers = {}, body } = options;
  const request = httpRequest(url, { method, headers, agent: false, timeout: 15_000 });
  request.on("timeout", () => request.destroy(new Error(`no answer from ${url}`)));
  request.end(body);
  const [response] = (await once(request, "response")) as [IncomingMessage];
  let text = "";
  for await (const chunk of response.setEncoding("utf8")) text += String(chunk);
  return { status: response.statusCode ?? 0, headers: response.headers, body: text };
}

/** Routing headers of a port of a sandbox. */
export const to = (sandboxId: string, port: number): Record<string, string> => ({
  "E2b-Sandbox-Id": sandboxId,
  "E2b-Sandbox-Port": String(port),
});

/** Waits until `check` gives something true; fails after `timeoutMs`. */
export async function eventually<T>(check: () => Promise<T> | T, timeoutMs = 30_000): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const value = await check();
    if (value) return value;
    if (performance.now() > end) throw new Error(`not within ${timeoutMs} ms: ${check.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A program for a sandbox that sends back what comes in on WebSockets. */
export const webSocketEcho = (): Promise<string> =>
  readFile(new URL("../web-socket-echo.py", import.meta.url), "utf8");
