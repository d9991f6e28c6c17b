import { createHash } from "node:crypto";
import { AppError } from "@sandbank/core/errors";
import type { IdempotencyClaim } from "@sandbank/store/reservation";
import type { SandboxRecord } from "@sandbank/store/sandbox-record";
import type { Team } from "@sandbank/store/teams";
import type { ControlPlane } from "../control-plane.ts";
import { createSandbox } from "./create-sandbox.ts";
import type { NewSandbox } from "./new-sandbox.ts";
import { requestInProgress } from "./sandbox-errors.ts";

/** How long a key stands for its first request. */
const windowMs = 24 * 3_600_000;

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (value === null || typeof value !== "object") return value;
  const sorted = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(sorted.map(([key, member]) => [key, sortKeys(member)]));
}

/** SHA-256 hex of a JSON value, whatever the order of its members. */
export const requestHash = (body: unknown): string =>
  createHash("sha256")
    .update(JSON.stringify(sortKeys(body)))
    .digest("hex");

/** What the earlier request of this key made; undefined when there is none, or it failed and left nothing. */
async function earlierAnswer(
  plane: ControlPlane,
  team: Team,
  claim: IdempotencyClaim,
): Promise<SandboxRecord | undefined> {
  const known = await plane.store.idempotency.find(team.id, claim.key, claim.validSinceMs);
  if (!known) return undefined;
  if (known.requestHash !== claim.requestHash) {
    throw new AppError({
      code: "conflict",
      reason: "idempotency_request_mismatch",
      message: "This Idempotency-Key was used for another request: take a new one",
    });
  }
  const underWay = plane.creating.get(known.sandboxId);
  if (underWay) return underWay;
  const record = await plane.store.sandboxes.get(known.sandboxId);
  // Begun by a process that is gone: the reconciler takes it back, and the key with it.
  if (record?.state === "creating") throw requestInProgress();
  return record;
}

/**
 * Like `createSandbox`, but repeating it under the same key within 24 hours gives the first answer again, also after a
 * restart and also while the first is under way. Rejects with the reason `idempotency_request_mismatch` when something
 * else is asked for under the key. A create that failed frees its key.
 */
export async function createSandboxOnce(
  plane: ControlPlane,
  team: Team,
  wanted: NewSandbox,
  request: { key: string; hash: string },
): Promise<SandboxRecord> {
  const claim = {
    key: request.key,
    requestHash: request.hash,
    validSinceMs: Date.now() - windowMs,
  };
  const earlier = await earlierAnswer(plane, team, claim);
  if (earlier) return earlier;
  try {
    return await createSandbox(plane, team, wanted, claim);
  } catch (error) {
    if (!(error instanceof AppError) || error.reason !== "idempotency_in_progress") throw error;
    // Another request with the key came in between.
    const other = await earlierAnswer(plane, team, claim);
    if (other) return other;
    throw error;
  }
}
