import type { Kysely } from "kysely";
import type { Database } from "./schema.ts";

/** What was asked for under a client's key, and the sandbox that it made. */
export interface KnownRequest {
  /** SHA-256 hex. */
  requestHash: string;
  sandboxId: string;
}

/** Claims are made together with the sandbox's reservation and end with its row. */
export class IdempotencyStore {
  readonly #db: Kysely<Database>;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /** The request that the team made under this key at `validSinceMs` or later. */
  async find(teamId: string, key: string, validSinceMs: number): Promise<KnownRequest | undefined> {
    const row = await this.#db
      .selectFrom("idempotency_keys")
      .select(["request_hash", "sandbox_id"])
      .where("team_id", "=", teamId)
      .where("key", "=", key)
      .where("created_at", ">=", validSinceMs)
      .executeTakeFirst();
    return row && { requestHash: row.request_hash, sandboxId: row.sandbox_id };
  }
}
