import type { FastifyReply } from "fastify";
import type { AppError, ErrorReason } from "@sandbank/core/errors";
import { httpStatusOf } from "@sandbank/protocol/error-tables";

/** What every error of the API looks like; clients read `code`, not the status line. */
export interface ErrorBody {
  code: number;
  message: string;
  error_code?: string;
}

/** Seconds after which a client may try again when a limit was reached and nothing better is known. */
const defaultRetryAfterSec = 1;

/** Where E2B's clients expect a status that the error's class alone does not give. */
const statusOfReason: Partial<Record<ErrorReason, number>> = {
  idempotency_request_mismatch: 422,
  volume_full: 507,
};

const queueReasons: ErrorReason[] = ["sandbox_capacity_unavailable", "sandbox_placement_timeout"];

const statusOf = (error: AppError): number =>
  (error.reason && statusOfReason[error.reason]) ?? httpStatusOf[error.code];

export function errorBody(error: AppError): ErrorBody {
  const body = { code: statusOf(error), message: error.message };
  return error.reason ? { ...body, error_code: error.reason } : body;
}

const mayComeFree = ({ code, reason }: AppError): boolean =>
  code === "resource_exhausted" || (reason !== undefined && queueReasons.includes(reason));

/** Whether trying again soon is of no use. E2B's Python client retries 429 and 503 unless told that. */
function isFinal({ reason }: AppError, status: number): boolean {
  // Somebody must end a sandbox or raise the limit first.
  if (reason === "team_limit_reached") return true;
  // A layer that failed after its own retries and deadlines will not do better at once; a queue may.
  return status > 500 && reason !== undefined && !queueReasons.includes(reason);
}

/** Sends `error` with the headers that steer clients' own retries. */
export function sendError(reply: FastifyReply, error: AppError): FastifyReply {
  const body = errorBody(error);
  const retryAfterSec = error.retryAfterSec ?? (mayComeFree(error) ? defaultRetryAfterSec : undefined);
  if (retryAfterSec !== undefined) void reply.header("retry-after", retryAfterSec);
  if (isFinal(error, body.code)) void reply.header("should-retry", "false");
  return reply.code(body.code).send(body);
}
