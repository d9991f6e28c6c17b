import { AppError, type ErrorCode, toAppError } from "@sandbank/core/errors";

/** Connect's name of a code. */
export function connectCode(code: ErrorCode): string {
  return code === "conflict" ? "aborted" : code;
}

const codeOfErrno: Record<string, ErrorCode> = {
  ENOENT: "not_found",
  EEXIST: "already_exists",
  ENOTDIR: "invalid_argument",
  EISDIR: "invalid_argument",
  ENAMETOOLONG: "invalid_argument",
  EINVAL: "invalid_argument",
  ELOOP: "failed_precondition",
  ENOTEMPTY: "failed_precondition",
  EXDEV: "failed_precondition",
  EBUSY: "failed_precondition",
  EACCES: "permission_denied",
  EPERM: "permission_denied",
  EROFS: "permission_denied",
  ENOSPC: "resource_exhausted",
  EDQUOT: "resource_exhausted",
  EMFILE: "resource_exhausted",
  ENFILE: "resource_exhausted",
  ENOMEM: "resource_exhausted",
};

/** Any error as one for a client; a failed system call keeps its kind and says which path. */
export function toClientError(error: unknown): AppError {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  const known = typeof code === "string" ? codeOfErrno[code] : undefined;
  if (!(error instanceof Error) || error instanceof AppError || !known) return toAppError(error);
  return new AppError({ code: known, message: error.message, cause: error });
}
