import type { Kysely } from "kysely";

async function createIdempotencyKeys(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("idempotency_keys")
    .addColumn("team_id", "text", (column) => column.notNull().references("teams.id").onDelete("cascade"))
    .addColumn("key", "text", (column) => column.notNull())
    .addColumn("request_hash", "text", (column) => column.notNull())
    // A create that failed leaves no sandbox, and with it goes its claim: the client may try again.
    .addColumn("sandbox_id", "text", (column) =>
      column.notNull().references("sandboxes.id").onDelete("cascade"),
    )
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint("idempotency_keys_pk", ["team_id", "key"])
    .execute();
  await db.schema
    .createIndex("idempotency_keys_sandbox")
    .on("idempotency_keys")
    .column("sandbox_id")
    .execute();
}

async function createSecrets(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("secrets")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("team_id", "text", (column) => column.notNull().references("teams.id").onDelete("cascade"))
    .addColumn("name", "text", (column) => column.notNull())
    .addColumn("metadata", "text", (column) => column.notNull())
    .addColumn("current_version", "integer", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addColumn("updated_at", "bigint", (column) => column.notNull())
    .addUniqueConstraint("secrets_name", ["team_id", "name"])
    .execute();
  await db.schema
    .createTable("secret_versions")
    .addColumn("secret_id", "text", (column) => column.notNull().references("secrets.id").onDelete("cascade"))
    .addColumn("version", "integer", (column) => column.notNull())
    .addColumn("sealed_value", "text", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint("secret_versions_pk", ["secret_id", "version"])
    .execute();
}

/** Who may do what and how often: repeats of requests, makers of keys, secrets, nodes taken out of service. */
export async function createTenancy(db: Kysely<unknown>): Promise<void> {
  await createIdempotencyKeys(db);
  await db.schema.alterTable("api_keys").addColumn("created_by", "text").execute();
  await createSecrets(db);
  await db.schema
    .createTable("nodes")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("status", "text", (column) => column.notNull())
    .addColumn("updated_at", "bigint", (column) => column.notNull())
    .execute();
}
