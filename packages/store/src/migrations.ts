import type { Kysely } from "kysely";
import { type Migration, Migrator } from "kysely/migration";
import { AppError, errorText } from "@sandbank/core/errors";
import type { Database } from "./schema.ts";
import { createTenancy } from "./tenancy-migration.ts";
import { createVolumes } from "./volumes-migration.ts";

async function createTeams(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("teams")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("slug", "text", (column) => column.notNull().unique())
    .addColumn("name", "text", (column) => column.notNull())
    .addColumn("limits", "text", (column) => column.notNull())
    .addColumn("blocked", "integer", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .execute();
  await db.schema
    .createTable("api_keys")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("team_id", "text", (column) => column.notNull().references("teams.id").onDelete("cascade"))
    .addColumn("name", "text", (column) => column.notNull())
    .addColumn("hash", "text", (column) => column.notNull().unique())
    .addColumn("mask", "text", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addColumn("last_used_at", "bigint")
    .execute();
  await db.schema.createIndex("api_keys_team").on("api_keys").column("team_id").execute();
}

async function createTemplates(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("templates")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("team_id", "text", (column) => column.notNull().references("teams.id"))
    .addColumn("public", "integer", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addColumn("updated_at", "bigint", (column) => column.notNull())
    .addColumn("spawn_count", "bigint", (column) => column.notNull().defaultTo(0))
    .addColumn("last_spawned_at", "bigint")
    .execute();
  await db.schema
    .createTable("template_names")
    .addColumn("namespace", "text", (column) => column.notNull())
    .addColumn("alias", "text", (column) => column.notNull())
    .addColumn("template_id", "text", (column) =>
      column.notNull().references("templates.id").onDelete("cascade"),
    )
    .addPrimaryKeyConstraint("template_names_pk", ["namespace", "alias"])
    .execute();
  await db.schema.createIndex("template_names_template").on("template_names").column("template_id").execute();
  await createBuilds(db);
}

async function createBuilds(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("template_builds")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("template_id", "text", (column) =>
      column.notNull().references("templates.id").onDelete("cascade"),
    )
    .addColumn("status", "text", (column) => column.notNull())
    .addColumn("cpu_count", "integer", (column) => column.notNull())
    .addColumn("memory_mib", "integer", (column) => column.notNull())
    .addColumn("disk_mib", "integer", (column) => column.notNull())
    .addColumn("envd_version", "text", (column) => column.notNull())
    .addColumn("manifest", "text", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addColumn("updated_at", "bigint", (column) => column.notNull())
    .addColumn("finished_at", "bigint")
    .execute();
  await db.schema
    .createIndex("template_builds_template")
    .on("template_builds")
    .columns(["template_id", "created_at"])
    .execute();
  await db.schema
    .createTable("template_tags")
    .addColumn("template_id", "text", (column) =>
      column.notNull().references("templates.id").onDelete("cascade"),
    )
    .addColumn("tag", "text", (column) => column.notNull())
    .addColumn("build_id", "text", (column) =>
      column.notNull().references("template_builds.id").onDelete("cascade"),
    )
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint("template_tags_pk", ["template_id", "tag"])
    .execute();
}

async function createSandboxes(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("sandboxes")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("team_id", "text", (column) => column.notNull().references("teams.id"))
    // No reference: the history of a sandbox outlives its template.
    .addColumn("template_id", "text", (column) => column.notNull())
    .addColumn("build_id", "text", (column) => column.notNull())
    .addColumn("alias", "text")
    .addColumn("state", "text", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addColumn("started_at", "bigint", (column) => column.notNull())
    .addColumn("end_at", "bigint", (column) => column.notNull())
    .addColumn("timeout_ms", "bigint", (column) => column.notNull())
    .addColumn("cpu_count", "integer", (column) => column.notNull())
    .addColumn("memory_mib", "integer", (column) => column.notNull())
    .addColumn("disk_mib", "integer", (column) => column.notNull())
    .addColumn("envd_version", "text", (column) => column.notNull())
    .addColumn("metadata", "text", (column) => column.notNull())
    .addColumn("env_vars", "text", (column) => column.notNull())
    .addColumn("secure", "integer", (column) => column.notNull())
    .addColumn("allow_internet_access", "integer")
    .addColumn("network", "text")
    .addColumn("auto_pause", "integer", (column) => column.notNull())
    .addColumn("auto_resume", "integer", (column) => column.notNull())
    .addColumn("isolation", "text")
    .addColumn("driver", "text")
    .addColumn("node_id", "text")
    .addColumn("host_address", "text")
    .addColumn("end_reason", "text")
    .addColumn("exit_code", "integer")
    .addColumn("ended_at", "bigint")
    .execute();
  await db.schema
    .createIndex("sandboxes_team")
    .on("sandboxes")
    .columns(["team_id", "state", "started_at", "id"])
    .execute();
  await db.schema.createIndex("sandboxes_state").on("sandboxes").columns(["state", "ended_at"]).execute();
}

async function createSandboxMetadata(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("sandbox_metadata")
    .addColumn("sandbox_id", "text", (column) =>
      column.notNull().references("sandboxes.id").onDelete("cascade"),
    )
    .addColumn("pair_hash", "text", (column) => column.notNull())
    .addPrimaryKeyConstraint("sandbox_metadata_pk", ["sandbox_id", "pair_hash"])
    .execute();
}

/** Applied in the order of their names; one that has been released is never edited. */
const migrations: Record<string, Migration> = {
  "0001_first": {
    async up(db: Kysely<unknown>) {
      await createTeams(db);
      await createTemplates(db);
      await createSandboxes(db);
      await createSandboxMetadata(db);
    },
  },
  "0002_tenancy": { up: createTenancy },
  "0003_volumes": { up: createVolumes },
};

/** Brings the database to the newest schema. Rejects with AppError `failed_precondition` naming the step that failed. */
export async function migrate(db: Kysely<Database>): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } });
  const { error, results } = await migrator.migrateToLatest();
  if (error === undefined) return;
  const failed = results?.find((result) => result.status === "Error")?.migrationName;
  throw new AppError({
    code: "failed_precondition",
    message: `the database can't be brought to this version's schema${failed ? ` (step ${failed})` : ""}: ${errorText(error)}`,
    cause: error,
  });
}
