import type { Kysely } from "kysely";

/** Volumes, and which sandbox has which mounted. */
export async function createVolumes(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("volumes")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("team_id", "text", (column) => column.notNull().references("teams.id"))
    .addColumn("name", "text", (column) => column.notNull())
    .addColumn("size_mib", "integer", (column) => column.notNull())
    .addColumn("state", "text", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addUniqueConstraint("volumes_name", ["team_id", "name"])
    .execute();
  await db.schema
    .alterTable("sandboxes")
    .addColumn("volume_mounts", "text", (column) => column.notNull().defaultTo("[]"))
    .execute();
}
