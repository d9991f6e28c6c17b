import { createHash } from "node:crypto";

export interface SignedFileAccess {
  /** The raw `path` query value, decoded but not resolved. */
  path: string;
  operation: "read" | "write";
  /** The `username` query value; empty when absent. */
  username: string;
  /** Unix seconds; absent when the URL does not expire. */
  expiration?: number | undefined;
}

/** The `signature` query value of upload and download URLs, as E2B's SDKs compute it. */
export function fileSignature(access: SignedFileAccess, envdAccessToken: string): string {
  const parts: (string | number)[] = [access.path, access.operation, access.username, envdAccessToken];
  if (access.expiration !== undefined) parts.push(access.expiration);
  const digest = createHash("sha256").update(parts.join(":")).digest("base64");
  return `v1_${digest.replace(/=+$/, "")}`;
}
