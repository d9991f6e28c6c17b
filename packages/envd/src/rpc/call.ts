import type { IncomingMessage } from "node:http";
import { AppError } from "@sandbank/core/errors";
import type { SandboxState } from "../state.ts";
import type { User } from "../system/users.ts";

const defaultKeepaliveMs = 90_000;
/** The longest delay a timer takes; a longer deadline is none. */
const maxTimerMs = 2 ** 31 - 1;

/** What a handler may ask of the call it serves. */
export interface Call {
  /** The user named by Basic authentication, else the default one. */
  user(): User;
  /** Undefined: no limit. */
  readonly timeoutMs: number | undefined;
  readonly keepaliveMs: number;
}

/** Reads the headers of a call. A malformed timeout is `invalid_argument`. */
export function callOf(request: IncomingMessage, state: SandboxState): Call {
  const { headers } = request;
  return {
    user: () => state.userFor(basicUser(headers.authorization)),
    timeoutMs: timeoutMs(headers["connect-timeout-ms"]),
    keepaliveMs: keepaliveMs(headers["keepalive-ping-interval"]),
  };
}

function basicUser(authorization: string | undefined): string | undefined {
  const encoded = /^basic +([A-Za-z0-9+/=_-]*) *$/i.exec(authorization ?? "")?.[1];
  return encoded === undefined ? undefined : Buffer.from(encoded, "base64").toString().split(":", 1)[0];
}

function timeoutMs(header: string | string[] | undefined): number | undefined {
  if (header === undefined || header === "") return undefined;
  if (typeof header !== "string" || !/^\d{1,10}$/.test(header)) {
    throw new AppError({
      code: "invalid_argument",
      message: "Connect-Timeout-Ms is not a number of milliseconds",
    });
  }
  const value = Number(header);
  return value === 0 || value > maxTimerMs ? undefined : value;
}

function keepaliveMs(header: string | string[] | undefined): number {
  const seconds = Number(header);
  return Number.isInteger(seconds) && seconds > 0 && seconds * 1000 <= maxTimerMs
    ? seconds * 1000
    : defaultKeepaliveMs;
}
