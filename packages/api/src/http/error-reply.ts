import type { FastifyReply } from "fastify";
import type { AppError } from "@sandbank/core/errors";
import { httpStatusOf } from "@sandbank/protocol/error-tables";

/** What every error of the API looks like; clients read `code`, not the status line. */
export interface ErrorBody {
  code: number;
  message: string;
  error_code?: string;
}

/** Seconds after which a client may try again when a limit was reached. */
const retryAfterSec = 1;

export function errorBody(error: AppError): ErrorBody {
  const body = { code: httpStatusOf[error.code], message: error.message };
  return error.reason ? { ...body, error_code: error.reason } : body;
}

/** Sends `error` with the headers that steer clients' own retries. */
export function sendError(reply: FastifyReply, error: AppError): FastifyReply {
  const body = errorBody(error);
  if (error.code === "resource_exhausted") void reply.header("retry-after", retryAfterSec);
  // A layer that failed after its own retries and deadlines will not do better at once.
  const final = error.reason !== undefined && error.reason !== "sandbox_capacity_unavailable";
  if (final && body.code > 500) void reply.header("should-retry", "false");
  return reply.code(body.code).send(body);
}
