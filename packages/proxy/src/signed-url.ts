import type { IncomingHttpHeaders } from "node:http";
import type { SignedFileAccess } from "@sandbank/protocol/signature";

const filesPrefix = "/files?";

/** What a signed upload or download URL asks for; undefined when the request is none. */
export function signedFileAccess(
  method: string,
  headers: IncomingHttpHeaders,
  url: string,
): { access: SignedFileAccess; signature: string } | undefined {
  if (!url.startsWith(filesPrefix)) return undefined;
  const operation = operationOf(method, headers);
  const query = new URLSearchParams(url.slice(filesPrefix.length));
  const signature = query.get("signature");
  if (!operation || !signature) return undefined;
  const expiration = query.get("signature_expiration");
  const access: SignedFileAccess = {
    path: query.get("path") ?? "",
    operation,
    username: query.get("username") ?? "",
    ...(expiration !== null && /^\d+$/.test(expiration) ? { expiration: Number(expiration) } : {}),
  };
  return { access, signature };
}

/** A browser's preflight must reach the sandbox that the request after it will reach. */
function operationOf(
  method: string,
  headers: IncomingHttpHeaders,
): SignedFileAccess["operation"] | undefined {
  const effective = method === "OPTIONS" ? headers["access-control-request-method"] : method;
  if (effective === "GET" || effective === "HEAD") return "read";
  return effective === "POST" ? "write" : undefined;
}
