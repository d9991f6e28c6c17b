import { randomBytes, randomUUID, timingSafeEqual } from "node:crypto";
import type { Kysely, Selectable } from "kysely";
import { hashToken } from "@sandbank/protocol/tokens";
import type { ApiKeysTable, Database } from "./schema.ts";
import { type Team, toTeam } from "./teams.ts";

/** What may be shown of a key after its creation. */
export interface KeyMask {
  prefix: string;
  valueLength: number;
  maskedValuePrefix: string;
  maskedValueSuffix: string;
}

export interface ApiKey {
  id: string;
  teamId: string;
  name: string;
  mask: KeyMask;
  createdAtMs: number;
  lastUsedAtMs: number | undefined;
  /** Id of the key that asked for this one; undefined for keys made on the machine. */
  createdBy: string | undefined;
}

const keyPrefix = "e2b_";

/** `e2b_` and 40 hex digits: old clients refuse any other shape before they send a request. */
const newKey = (): string => keyPrefix + randomBytes(20).toString("hex");

function maskOf(key: string): KeyMask {
  const value = key.slice(keyPrefix.length);
  return {
    prefix: keyPrefix,
    valueLength: value.length,
    maskedValuePrefix: value.slice(0, 2),
    maskedValueSuffix: value.slice(-4),
  };
}

function toApiKey(row: Selectable<ApiKeysTable>): ApiKey {
  return {
    id: row.id,
    teamId: row.team_id,
    name: row.name,
    mask: JSON.parse(row.mask) as KeyMask,
    createdAtMs: row.created_at,
    lastUsedAtMs: row.last_used_at ?? undefined,
    createdBy: row.created_by ?? undefined,
  };
}

function sameHash(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}

export class ApiKeyStore {
  readonly #db: Kysely<Database>;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /** Makes a key; its text is returned here only and not kept. */
  async create(teamId: string, name: string, createdBy?: string): Promise<{ key: string; record: ApiKey }> {
    const key = newKey();
    const row = {
      id: randomUUID(),
      team_id: teamId,
      name,
      hash: hashToken(key),
      mask: JSON.stringify(maskOf(key)),
      created_at: Date.now(),
      last_used_at: null,
      created_by: createdBy ?? null,
    };
    await this.#db.insertInto("api_keys").values(row).execute();
    return { key, record: toApiKey(row) };
  }

  /** The team and key that this text belongs to. */
  async authenticate(key: string): Promise<{ team: Team; record: ApiKey } | undefined> {
    const hash = hashToken(key);
    const row = await this.#db.selectFrom("api_keys").selectAll().where("hash", "=", hash).executeTakeFirst();
    if (!row || !sameHash(row.hash, hash)) return undefined;
    const team = await this.#db
      .selectFrom("teams")
      .selectAll()
      .where("id", "=", row.team_id)
      .executeTakeFirst();
    return team && { team: toTeam(team), record: toApiKey(row) };
  }

  async touch(id: string, usedAtMs: number): Promise<void> {
    await this.#db.updateTable("api_keys").set({ last_used_at: usedAtMs }).where("id", "=", id).execute();
  }

  async list(teamId: string): Promise<ApiKey[]> {
    const rows = await this.#db
      .selectFrom("api_keys")
      .selectAll()
      .where("team_id", "=", teamId)
      .orderBy("created_at")
      .execute();
    return rows.map(toApiKey);
  }

  /** Id of the team that has the key. */
  async teamOf(id: string): Promise<string | undefined> {
    const row = await this.#db
      .selectFrom("api_keys")
      .select("team_id")
      .where("id", "=", id)
      .executeTakeFirst();
    return row?.team_id;
  }

  /** False when the team has no such key. */
  async rename(teamId: string, id: string, name: string): Promise<boolean> {
    const result = await this.#db
      .updateTable("api_keys")
      .set({ name })
      .where("id", "=", id)
      .where("team_id", "=", teamId)
      .executeTakeFirst();
    return result.numUpdatedRows > 0n;
  }

  /** False when the team has no such key. */
  async delete(teamId: string, id: string): Promise<boolean> {
    const result = await this.#db
      .deleteFrom("api_keys")
      .where("id", "=", id)
      .where("team_id", "=", teamId)
      .executeTakeFirst();
    return result.numDeletedRows > 0n;
  }
}
