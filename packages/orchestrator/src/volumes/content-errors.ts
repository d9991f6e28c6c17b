import { AppError, type ErrorCode } from "@sandbank/core/errors";

const full = { code: "failed_precondition", reason: "volume_full", says: "the volume is full" } as const;

/** What a failed system call on a tenant's path means to the tenant. */
const meanings: Record<string, { code: ErrorCode; reason?: "volume_full"; says: string }> = {
  ENOENT: { code: "not_found", says: "does not exist" },
  ENOTDIR: { code: "not_found", says: "does not exist: a part of it is not a directory" },
  EEXIST: { code: "already_exists", says: "exists already" },
  EISDIR: { code: "invalid_argument", says: "is a directory" },
  ELOOP: { code: "invalid_argument", says: "leads through too many links" },
  ENAMETOOLONG: { code: "invalid_argument", says: "is too long" },
  EINVAL: { code: "invalid_argument", says: "is not possible" },
  EPERM: { code: "invalid_argument", says: "can't be changed" },
  EMLINK: { code: "invalid_argument", says: "is in a directory that can't hold more" },
  ENOTEMPTY: { code: "conflict", says: "was changed meanwhile" },
  EAGAIN: { code: "conflict", says: "was changed meanwhile" },
  ENOSPC: full,
  EDQUOT: full,
};

/** The error to tell a tenant; what is not the tenant's doing passes unchanged. */
export function contentError(error: unknown, path: string): unknown {
  if (error instanceof AppError || !(error instanceof Error) || !("code" in error)) return error;
  const meaning = meanings[String(error.code)];
  if (!meaning) return error;
  const { code, reason, says } = meaning;
  const message = reason === undefined ? `path ${path} ${says}` : says;
  return new AppError({ code, reason, message, cause: error });
}

export const notADirectory = (path: string): AppError =>
  new AppError({ code: "invalid_argument", message: `path ${path} is not a directory` });

export const notAFile = (path: string): AppError =>
  new AppError({ code: "invalid_argument", message: `path ${path} is not a file` });

export const rootStays = (): AppError =>
  new AppError({ code: "invalid_argument", message: "the root of a volume can't be removed or replaced" });
