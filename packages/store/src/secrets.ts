import type { Kysely, Selectable } from "kysely";
import type { Database, SecretsTable } from "./schema.ts";

/** A secret without its value. */
export interface Secret {
  id: string;
  teamId: string;
  name: string;
  metadata: Record<string, string>;
  /** From 1. */
  currentVersion: number;
  createdAtMs: number;
  updatedAtMs: number;
}

/** The current version of a secret. */
export interface SealedSecret {
  id: string;
  name: string;
  version: number;
  sealedValue: string;
}

export interface SecretPageQuery {
  teamId: string;
  limit: number;
  /** The last secret of the page before. */
  after: { createdAtMs: number; id: string } | undefined;
}

function toSecret(row: Selectable<SecretsTable>): Secret {
  return {
    id: row.id,
    teamId: row.team_id,
    name: row.name,
    metadata: JSON.parse(row.metadata) as Record<string, string>,
    currentVersion: row.current_version,
    createdAtMs: row.created_at,
    updatedAtMs: row.updated_at,
  };
}

/** Secrets and the sealed values of their versions; the store can't open them. */
export class SecretStore {
  readonly #db: Kysely<Database>;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /** Inserts a secret with its first version, unless its name is taken or its team has `maxSecrets` already. */
  async create(
    secret: Secret,
    sealedValue: string,
    maxSecrets: number,
  ): Promise<"created" | "name taken" | "limit reached"> {
    return this.#db.transaction().execute(async (db) => {
      const { count } = await db
        .selectFrom("secrets")
        .select((select) => select.fn.countAll<number | string>().as("count"))
        .where("team_id", "=", secret.teamId)
        .executeTakeFirstOrThrow();
      if (Number(count) >= maxSecrets) return "limit reached";
      const inserted = await db
        .insertInto("secrets")
        .values({
          id: secret.id,
          team_id: secret.teamId,
          name: secret.name,
          metadata: JSON.stringify(secret.metadata),
          current_version: secret.currentVersion,
          created_at: secret.createdAtMs,
          updated_at: secret.updatedAtMs,
        })
        .onConflict((conflict) => conflict.columns(["team_id", "name"]).doNothing())
        .executeTakeFirst();
      if (inserted.numInsertedOrUpdatedRows === 0n) return "name taken";
      await db
        .insertInto("secret_versions")
        .values({
          secret_id: secret.id,
          version: secret.currentVersion,
          sealed_value: sealedValue,
          created_at: secret.createdAtMs,
        })
        .execute();
      return "created";
    });
  }

  async find(teamId: string, idOrName: string): Promise<Secret | undefined> {
    const row = await this.#db
      .selectFrom("secrets")
      .selectAll()
      .where("team_id", "=", teamId)
      .where((where) => where.or([where("id", "=", idOrName), where("name", "=", idOrName)]))
      .executeTakeFirst();
    return row && toSecret(row);
  }

  /** Those of a team's secrets whose id or name is given. */
  async current(teamId: string, idsOrNames: string[]): Promise<SealedSecret[]> {
    const rows = await this.#db
      .selectFrom("secrets")
      .innerJoin("secret_versions", (join) =>
        join
          .onRef("secret_versions.secret_id", "=", "secrets.id")
          .onRef("secret_versions.version", "=", "secrets.current_version"),
      )
      .select(["secrets.id", "secrets.name", "secret_versions.version", "secret_versions.sealed_value"])
      .where("team_id", "=", teamId)
      .where((where) => where.or([where("id", "in", idsOrNames), where("name", "in", idsOrNames)]))
      .execute();
    return rows.map(({ id, name, version, sealed_value: sealedValue }) => ({
      id,
      name,
      version,
      sealedValue,
    }));
  }

  /**
   * Makes `next` the current state of a secret that is at the version before it; older versions than the newest
   * `keptVersions` are dropped. False when it is at another version, or gone.
   */
  async addVersion(next: Secret, sealedValue: string, keptVersions: number): Promise<boolean> {
    return this.#db.transaction().execute(async (db) => {
      const updated = await db
        .updateTable("secrets")
        .set({
          metadata: JSON.stringify(next.metadata),
          current_version: next.currentVersion,
          updated_at: next.updatedAtMs,
        })
        .where("id", "=", next.id)
        .where("current_version", "=", next.currentVersion - 1)
        .executeTakeFirst();
      if (updated.numUpdatedRows === 0n) return false;
      await db
        .insertInto("secret_versions")
        .values({
          secret_id: next.id,
          version: next.currentVersion,
          sealed_value: sealedValue,
          created_at: next.updatedAtMs,
        })
        .execute();
      await db
        .deleteFrom("secret_versions")
        .where("secret_id", "=", next.id)
        .where("version", "<=", next.currentVersion - keptVersions)
        .execute();
      return true;
    });
  }

  /** The sealed values of a secret's versions, newest first. */
  async versions(id: string): Promise<{ version: number; sealedValue: string }[]> {
    const rows = await this.#db
      .selectFrom("secret_versions")
      .select(["version", "sealed_value"])
      .where("secret_id", "=", id)
      .orderBy("version", "desc")
      .execute();
    return rows.map((row) => ({ version: row.version, sealedValue: row.sealed_value }));
  }

  /** One page of a team's secrets, newest first. */
  async page({ teamId, limit, after }: SecretPageQuery): Promise<Secret[]> {
    let select = this.#db
      .selectFrom("secrets")
      .selectAll()
      .where("team_id", "=", teamId)
      .orderBy("created_at", "desc")
      .orderBy("id", "desc")
      .limit(limit);
    if (after) {
      select = select.where((where) =>
        where.or([
          where("created_at", "<", after.createdAtMs),
          where.and([where("created_at", "=", after.createdAtMs), where("id", "<", after.id)]),
        ]),
      );
    }
    return (await select.execute()).map(toSecret);
  }

  /** With all versions. False when the team has no such secret. */
  async delete(teamId: string, id: string): Promise<boolean> {
    const result = await this.#db
      .deleteFrom("secrets")
      .where("team_id", "=", teamId)
      .where("id", "=", id)
      .executeTakeFirst();
    return result.numDeletedRows > 0n;
  }
}
