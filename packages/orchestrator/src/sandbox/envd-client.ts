import { request } from "node:http";
import { AppError } from "@sandbank/core/errors";
import { envdPort } from "@sandbank/protocol/headers";
import type { GuestTrust } from "../egress/transform/node-transform.ts";

export interface EnvdInit {
  accessToken?: string | undefined;
  /** Absent: they stay as they are; so do the defaults. */
  envVars?: Record<string, string>;
  defaultUser?: string;
  defaultWorkdir?: string;
  trust?: GuestTrust | undefined;
}

/** Hands envd its token, variables, defaults, and which authority to trust. Rejects unless it answers 204 in time. */
export async function initEnvd(hostAddress: string, init: EnvdInit, timeoutMs: number): Promise<void> {
  const { trust, ...rest } = init;
  const body = JSON.stringify({ ...rest, ...trust, timestamp: new Date().toISOString() });
  const answer = await call(hostAddress, "POST", "/init", timeoutMs, body);
  if (answer.status !== 204) {
    throw new AppError({
      code: "internal",
      message: `envd refused its configuration with status ${answer.status}`,
      detail: answer.body.slice(0, 500),
    });
  }
}

interface Answer {
  status: number;
  body: string;
}

function call(host: string, method: string, path: string, timeoutMs: number, body = ""): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const sent = request(
    {
      host,
      port: envdPort,
      method,
      path,
      agent: false,
      signal: AbortSignal.timeout(timeoutMs),
      headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body) },
    },
    (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body: text }));
      response.on("error", reject);
    },
  );
  sent.on("error", reject);
  sent.end(body);
  return promise;
}
