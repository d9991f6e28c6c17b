import { AppError } from "@sandbank/core/errors";
import { envdPort } from "@sandbank/protocol/headers";
import type { GuestTrust } from "../egress/transform/node-transform.ts";
import { httpCall } from "./http-call.ts";

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
  const answer = await httpCall({
    host: hostAddress,
    port: envdPort,
    method: "POST",
    path: "/init",
    headers: { "content-type": "application/json" },
    body,
    timeoutMs,
  });
  if (answer.status !== 204) {
    throw new AppError({
      code: "internal",
      message: `envd refused its configuration with status ${answer.status}`,
      detail: answer.body.toString().slice(0, 500),
    });
  }
}
