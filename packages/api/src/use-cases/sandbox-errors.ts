import { AppError } from "@sandbank/core/errors";

export const sandboxNotFound = (sandboxId: string): AppError =>
  new AppError({ code: "not_found", message: `Sandbox "${sandboxId}" was not found` });

export const sandboxEnding = (sandboxId: string): AppError =>
  new AppError({ code: "conflict", message: `Sandbox "${sandboxId}" is being killed` });

export const notAvailableYet = (what: string): AppError =>
  new AppError({ code: "unimplemented", message: `${what} is not available yet` });

export const invalidNetwork = (what: string): AppError =>
  new AppError({ code: "invalid_argument", message: `validation error: network: ${what}` });

export const requestInProgress = (): AppError =>
  new AppError({
    code: "conflict",
    reason: "idempotency_in_progress",
    message: "A request with this Idempotency-Key is under way: ask again when it has ended",
    retryAfterSec: 1,
  });
