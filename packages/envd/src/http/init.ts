import { mkdirSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { envdProtocolVersion, headers } from "@sandbank/protocol/headers";
import { type JsonObject, objectField, stringField, stringMapField } from "../rpc/fields.ts";
import type { SandboxState } from "../state.ts";
import { type TrustedAuthority, trustAuthority } from "../system/trust-store.ts";
import { readJson } from "./body.ts";
import { HttpError, sendEmpty } from "./reply.ts";

const infoDir = "/run/e2b";

/** POST /init: the orchestrator's word on token, environment and defaults. Repeated after a resume. */
export async function init(
  request: IncomingMessage,
  response: ServerResponse,
  state: SandboxState,
  setClock: ((ms: number) => void) | undefined,
): Promise<void> {
  const body = await readJson(request);
  const token = stringField(body, "accessToken") || undefined;
  if (
    !state.tokenMatches(token) &&
    !state.tokenMatches(request.headers[headers.accessToken] as string | undefined)
  ) {
    throw new HttpError(401, "access token does not match");
  }
  response.setHeader("X-Envd-Version", envdProtocolVersion);
  if (isNews(body, state, setClock)) {
    if (token !== undefined) state.accessToken = token;
    // A later call that is about something else leaves them as they are.
    if (objectField(body, "envVars")) state.setEnvVars(stringMapField(body, "envVars"));
    state.defaultUser = stringField(body, "defaultUser") || state.defaultUser;
    state.defaultWorkdir = stringField(body, "defaultWorkdir") || state.defaultWorkdir;
    writeInfoFiles(state.envVars);
    const authority = authorityIn(body);
    if (authority) state.trustEnv = trustAuthority(authority);
  }
  sendEmpty(response);
}

/** The node's authority: only sandboxes get it whose traffic may be intercepted. */
function authorityIn(body: JsonObject): TrustedAuthority | undefined {
  const certificate = stringField(body, "caBundle");
  if (!certificate) return undefined;
  return {
    certificate,
    subjectHash: stringField(body, "caSubjectHash") ?? "",
    roots: stringField(body, "caRoots") ?? "",
  };
}

/** False for a call that is older than one that has had its effect. */
function isNews(
  body: JsonObject,
  state: SandboxState,
  setClock: ((ms: number) => void) | undefined,
): boolean {
  const timestamp = stringField(body, "timestamp");
  if (!timestamp) return true;
  const sentMs = Date.parse(timestamp);
  if (Number.isNaN(sentMs)) throw new HttpError(400, "timestamp is not a date");
  if (sentMs < state.lastInitMs) return false;
  state.lastInitMs = sentMs;
  const aheadMs = Date.now() - sentMs;
  if (aheadMs < -50 || aheadMs > 5000) setClock?.(sentMs);
  return true;
}

/** Programs find out here that they run in a sandbox, and in which. */
function writeInfoFiles(env: Record<string, string>): void {
  try {
    mkdirSync(infoDir, { recursive: true });
    for (const name of ["E2B_SANDBOX", "E2B_SANDBOX_ID", "E2B_TEMPLATE_ID"]) {
      const value = env[name];
      if (value !== undefined) writeFileSync(`${infoDir}/.${name}`, value);
    }
  } catch {
    // A root file system without a writable /run: the variables say the same.
  }
}
