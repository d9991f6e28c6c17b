import { inspect } from "node:util";

/** What class of failure an error is. Closed: transports map every member to a status. */
export const errorCodes = [
  "invalid_argument",
  "unauthenticated",
  "permission_denied",
  "not_found",
  "already_exists",
  "conflict",
  "failed_precondition",
  "resource_exhausted",
  "unimplemented",
  "unavailable",
  "deadline_exceeded",
  "internal",
] as const;
export type ErrorCode = (typeof errorCodes)[number];

/**
 * Which step or layer failed, where the class alone does not say. Sent to API clients as `error_code`.
 * The `sandbox_*_missing|down|unreachable|closed|unhealthy` members follow the network path bottom-up.
 */
export const errorReasons = [
  "sandbox_capacity_unavailable",
  "sandbox_placement_timeout",
  "sandbox_no_compatible_node",
  "sandbox_create_failed",
  "sandbox_slot_unavailable",
  "sandbox_disk_failed",
  "sandbox_runtime_failed",
  "sandbox_device_missing",
  "sandbox_link_down",
  "sandbox_carrier_missing",
  "sandbox_address_unreachable",
  "sandbox_route_missing",
  "sandbox_port_closed",
  "sandbox_envd_unhealthy",
  "sandbox_exited",
  "runtime_unavailable",
  "idempotency_request_mismatch",
  "idempotency_in_progress",
  "secret_limit_reached",
  "volume_full",
  "team_limit_reached",
  "rate_limit_reached",
  "internal_server_error",
] as const;
export type ErrorReason = (typeof errorReasons)[number];

export interface AppErrorInit {
  code: ErrorCode;
  /** Safe to show to a tenant. */
  message: string;
  reason?: ErrorReason | undefined;
  /** For operators' logs only: command output, paths, console tail. */
  detail?: string | undefined;
  /** When the caller may try again with a chance, in whole seconds. */
  retryAfterSec?: number | undefined;
  cause?: unknown;
}

/** The one error class that crosses package borders. */
export class AppError extends Error {
  override readonly name = "AppError";
  readonly code: ErrorCode;
  readonly reason: ErrorReason | undefined;
  readonly detail: string | undefined;
  readonly retryAfterSec: number | undefined;

  constructor(init: AppErrorInit) {
    super(init.message, init.cause === undefined ? undefined : { cause: init.cause });
    this.code = init.code;
    this.reason = init.reason;
    this.detail = init.detail;
    this.retryAfterSec = init.retryAfterSec;
  }
}

/** `error` as an AppError; anything foreign becomes `internal`, its text kept as detail. */
export function toAppError(error: unknown, message = "internal error"): AppError {
  if (error instanceof AppError) return error;
  return new AppError({ code: "internal", message, detail: errorText(error), cause: error });
}

/** One line for a log: the messages of an error and of its causes, outermost first. */
export function errorText(error: unknown): string {
  const parts: string[] = [];
  for (let current = error; current !== undefined && parts.length < 8;) {
    if (!(current instanceof Error)) {
      parts.push(typeof current === "string" ? current : inspect(current));
      break;
    }
    const detail = current instanceof AppError && current.detail ? ` (${current.detail})` : "";
    parts.push(current.message + detail);
    current = current.cause;
  }
  return parts.join(": ");
}
