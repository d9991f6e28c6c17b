import { Code, ConnectError } from "@connectrpc/connect";
import {
  AppError,
  type ErrorCode,
  type ErrorReason,
  errorCodes,
  errorReasons,
  errorText,
  toAppError,
} from "@sandbank/core/errors";

const connectCodeOf: Record<ErrorCode, Code> = {
  invalid_argument: Code.InvalidArgument,
  unauthenticated: Code.Unauthenticated,
  permission_denied: Code.PermissionDenied,
  not_found: Code.NotFound,
  already_exists: Code.AlreadyExists,
  conflict: Code.Aborted,
  failed_precondition: Code.FailedPrecondition,
  resource_exhausted: Code.ResourceExhausted,
  unimplemented: Code.Unimplemented,
  unavailable: Code.Unavailable,
  deadline_exceeded: Code.DeadlineExceeded,
  internal: Code.Internal,
};

const codeOfConnect = new Map<Code, ErrorCode>(errorCodes.map((code) => [connectCodeOf[code], code]));
const reasonHeader = "sandbank-reason";
const detailHeader = "sandbank-detail";

/** For our own services' RPC: reason and detail travel as metadata, so that nothing is lost on the way. */
export function toConnectError(error: unknown): ConnectError {
  if (error instanceof ConnectError) return error;
  const app = toAppError(error);
  const metadata = new Headers();
  if (app.reason) metadata.set(reasonHeader, app.reason);
  // Causes do not travel, so that what they say goes into the detail.
  const detail = [app.detail, app.cause && errorText(app.cause)].filter(Boolean).join(": ");
  if (detail) metadata.set(detailHeader, encodeURIComponent(detail.slice(-4096)));
  return new ConnectError(app.message, connectCodeOf[app.code], metadata, undefined, error);
}

export function fromConnectError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const connect = ConnectError.from(error);
  const reason = connect.metadata.get(reasonHeader);
  const detail = connect.metadata.get(detailHeader);
  return new AppError({
    code: codeOfConnect.get(connect.code) ?? "internal",
    message: connect.rawMessage,
    reason: errorReasons.find((known): known is ErrorReason => known === reason),
    detail: detail === null ? undefined : decodeURIComponent(detail),
    cause: error,
  });
}
