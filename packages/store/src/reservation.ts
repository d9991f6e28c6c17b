import type { Kysely, Transaction } from "kysely";
import { hashToken } from "@sandbank/protocol/tokens";
import { lockTeam } from "./lock-team.ts";
import { type SandboxRecord, occupyingStates, toRow } from "./sandbox-record.ts";
import type { Database } from "./schema.ts";
import type { TeamLimits } from "./teams.ts";

/** The limits that sandboxes of one team share. */
export type SharedLimit = "maxSandboxes" | "maxCpuCount" | "maxMemoryMib" | "maxDiskMib";
/** Absent ones are not limited. */
export type ReservationLimits = Partial<Pick<TeamLimits, SharedLimit>>;

/** A client's name for a request, so that repeating it does not start a second sandbox. */
export interface IdempotencyClaim {
  key: string;
  /** SHA-256 hex of what was asked for. */
  requestHash: string;
  /** Claims made before this are void. */
  validSinceMs: number;
}

export type Reservation =
  | { outcome: "reserved" }
  /** `used` is without the refused sandbox. */
  | { outcome: "exceeded"; limit: SharedLimit; max: number; used: number }
  /** A volume that it was to have is gone. */
  | { outcome: "volume gone"; name: string }
  /** Another request made a claim of the same key. */
  | { outcome: "claimed" };

/** What a row is found by for one pair of its metadata. */
export const pairHashes = (metadata: Record<string, string>): string[] =>
  Object.entries(metadata).map((pair) => hashToken(JSON.stringify(pair)));

/** Sums are text in some databases, and null over no rows. */
const toNumber = (value: number | string | bigint | null): number => Number(value ?? 0);

async function usedBy(db: Kysely<Database>, teamId: string): Promise<Record<SharedLimit, number>> {
  const row = await db
    .selectFrom("sandboxes")
    .select((select) => [
      select.fn.countAll<number | string>().as("count"),
      select.fn.sum("cpu_count").as("cpu"),
      select.fn.sum("memory_mib").as("memory"),
      select.fn.sum("disk_mib").as("disk"),
    ])
    .where("team_id", "=", teamId)
    .where("state", "in", occupyingStates)
    .executeTakeFirstOrThrow();
  return {
    maxSandboxes: toNumber(row.count),
    maxCpuCount: toNumber(row.cpu),
    maxMemoryMib: toNumber(row.memory),
    maxDiskMib: toNumber(row.disk),
  };
}

function firstExceeded(
  record: SandboxRecord,
  used: Record<SharedLimit, number>,
  limits: ReservationLimits,
): Reservation | undefined {
  const added: Record<SharedLimit, number> = {
    maxSandboxes: 1,
    maxCpuCount: record.cpuCount,
    maxMemoryMib: record.memoryMib,
    maxDiskMib: record.diskMib,
  };
  for (const limit of Object.keys(added) as SharedLimit[]) {
    const max = limits[limit];
    if (max !== undefined && used[limit] + added[limit] > max) {
      return { outcome: "exceeded", limit, max, used: used[limit] };
    }
  }
  return undefined;
}

async function insertClaim(
  db: Transaction<Database>,
  record: SandboxRecord,
  claim: IdempotencyClaim,
): Promise<void> {
  await db
    .insertInto("idempotency_keys")
    .values({
      team_id: record.teamId,
      key: claim.key,
      request_hash: claim.requestHash,
      sandbox_id: record.id,
      created_at: record.createdAtMs,
    })
    .execute();
}

async function isClaimed(
  db: Transaction<Database>,
  teamId: string,
  claim: IdempotencyClaim,
): Promise<boolean> {
  await db
    .deleteFrom("idempotency_keys")
    .where("team_id", "=", teamId)
    .where("created_at", "<", claim.validSinceMs)
    .execute();
  const found = await db
    .selectFrom("idempotency_keys")
    .select("key")
    .where("team_id", "=", teamId)
    .where("key", "=", claim.key)
    .executeTakeFirst();
  return found !== undefined;
}

/** Whoever takes a volume away looks for sandboxes that have it under the same lock. */
async function firstGoneVolume(
  db: Transaction<Database>,
  { volumeMounts }: SandboxRecord,
): Promise<string | undefined> {
  if (volumeMounts.length === 0) return undefined;
  const rows = await db
    .selectFrom("volumes")
    .select("id")
    .where(
      "id",
      "in",
      volumeMounts.map(({ volumeId }) => volumeId),
    )
    .where("state", "=", "ready")
    .execute();
  return volumeMounts.find(({ volumeId }) => !rows.some(({ id }) => id === volumeId))?.name;
}

/** Inserts `record` when its team has room and nobody holds the claim's key, all in one transaction. */
export async function reserve(
  database: Kysely<Database>,
  record: SandboxRecord,
  limits: ReservationLimits,
  claim: IdempotencyClaim | undefined,
): Promise<Reservation> {
  return database.transaction().execute(async (db): Promise<Reservation> => {
    await lockTeam(db, record.teamId);
    // Before the limits: a repeat of a request that succeeded must not fail for what it used up itself.
    if (claim && (await isClaimed(db, record.teamId, claim))) return { outcome: "claimed" };
    const exceeded = firstExceeded(record, await usedBy(db, record.teamId), limits);
    if (exceeded) return exceeded;
    const gone = await firstGoneVolume(db, record);
    if (gone !== undefined) return { outcome: "volume gone", name: gone };
    await db.insertInto("sandboxes").values(toRow(record)).execute();
    const pairs = pairHashes(record.metadata).map((hash) => ({ sandbox_id: record.id, pair_hash: hash }));
    for (const pair of pairs) await db.insertInto("sandbox_metadata").values(pair).execute();
    if (claim) await insertClaim(db, record, claim);
    return { outcome: "reserved" };
  });
}
