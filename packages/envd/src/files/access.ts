import { headers } from "@sandbank/protocol/headers";
import type { Exchange } from "../http/server.ts";
import { HttpError } from "../http/reply.ts";
import { sameSecret, type SandboxState } from "../state.ts";
import { resolvePath } from "../system/paths.ts";
import type { User } from "../system/users.ts";

/** Lets a request to /files in by its token, or by the signature in its query. Throws 401. */
export async function checkFileAccess(
  { request, query }: Exchange,
  operation: "read" | "write",
  state: SandboxState,
): Promise<void> {
  const token = state.accessToken;
  if (token === undefined) return;
  const given = request.headers[headers.accessToken];
  if (typeof given === "string") {
    if (state.tokenMatches(given)) return;
    throw new HttpError(401, "the access token is wrong");
  }
  const signature = query.get("signature");
  if (!signature) throw new HttpError(401, "missing signature query parameter");
  const expires = query.get("signature_expiration");
  if (expires !== null && !/^\d{1,15}$/.test(expires))
    throw new HttpError(401, "signature expiration is not a number");
  const expiration = expires === null ? undefined : Number(expires);
  // Loaded when first needed: it brings node:crypto along.
  const { fileSignature } = await import("@sandbank/protocol/signature");
  const expected = fileSignature(
    { path: query.get("path") ?? "", operation, username: query.get("username") ?? "", expiration },
    token,
  );
  if (!sameSecret(signature, expected)) throw new HttpError(401, "invalid signature");
  if (expiration !== undefined && expiration * 1000 < Date.now())
    throw new HttpError(401, "signature is already expired");
}

/** The user that a request to /files names, else the default one. */
export function fileUser(name: string | null | undefined, state: SandboxState): User {
  return state.userFor(name ?? undefined);
}

/** The absolute path of a path in a request to /files. */
export function filePath(path: string, user: User, state: SandboxState): string {
  return resolvePath(path, user, state.defaultWorkdir);
}
