import { httpStatusOf } from "@sandbank/protocol/error-tables";
import { toClientError } from "../rpc/errors.ts";
import { HttpError } from "./reply.ts";

const statusOfErrno: Record<string, number> = {
  ENOSPC: 507,
  EDQUOT: 507,
  ENOTDIR: 400,
  EISDIR: 400,
  ENXIO: 400,
  ELOOP: 400,
};

/** Any error as one for an HTTP client. */
export function toHttpError(error: unknown): HttpError {
  if (error instanceof HttpError) return error;
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  const status = typeof code === "string" ? statusOfErrno[code] : undefined;
  if (status === 507) return new HttpError(507, "not enough disk space available", { cause: error });
  const known = toClientError(error);
  return new HttpError(status ?? httpStatusOf[known.code], known.message, { cause: error });
}
