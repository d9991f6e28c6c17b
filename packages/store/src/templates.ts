import type { Kysely, Selectable, Transaction } from "kysely";
import type { BuildManifest } from "@sandbank/protocol/build-manifest";
import { type Database, type TemplateBuildsTable, type TemplatesTable, fromFlag, toFlag } from "./schema.ts";

export type BuildStatus = "waiting" | "building" | "ready" | "error";

export interface TemplateName {
  /** Slug of a team; empty for the names that every team sees. */
  namespace: string;
  alias: string;
}

export interface Template {
  id: string;
  teamId: string;
  public: boolean;
  names: TemplateName[];
  createdAtMs: number;
  updatedAtMs: number;
  spawnCount: number;
  lastSpawnedAtMs: number | undefined;
}

export interface TemplateBuild {
  /** UUID. */
  id: string;
  templateId: string;
  status: BuildStatus;
  cpuCount: number;
  memoryMib: number;
  diskMib: number;
  envdVersion: string;
  manifest: BuildManifest;
  createdAtMs: number;
  updatedAtMs: number;
  finishedAtMs: number | undefined;
}

export interface BuildRegistration {
  teamId: string;
  names: TemplateName[];
  public: boolean;
  tags: string[];
  manifest: BuildManifest;
}

/** The tag of a template reference that names none. */
export const defaultTag = "default";

function toTemplate(row: Selectable<TemplatesTable>, names: TemplateName[]): Template {
  return {
    id: row.id,
    teamId: row.team_id,
    public: fromFlag(row.public),
    names,
    createdAtMs: row.created_at,
    updatedAtMs: row.updated_at,
    spawnCount: row.spawn_count,
    lastSpawnedAtMs: row.last_spawned_at ?? undefined,
  };
}

function toBuild(row: Selectable<TemplateBuildsTable>): TemplateBuild {
  return {
    id: row.id,
    templateId: row.template_id,
    status: row.status as BuildStatus,
    cpuCount: row.cpu_count,
    memoryMib: row.memory_mib,
    diskMib: row.disk_mib,
    envdVersion: row.envd_version,
    manifest: JSON.parse(row.manifest) as BuildManifest,
    createdAtMs: row.created_at,
    updatedAtMs: row.updated_at,
    finishedAtMs: row.finished_at ?? undefined,
  };
}

export class TemplateStore {
  readonly #db: Kysely<Database>;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  async get(id: string): Promise<Template | undefined> {
    const row = await this.#db.selectFrom("templates").selectAll().where("id", "=", id).executeTakeFirst();
    return row && toTemplate(row, (await this.#namesOf([id])).get(id) ?? []);
  }

  /** The template that has this name; namespaces are tried in the order given. */
  async findByName(namespaces: string[], alias: string): Promise<Template | undefined> {
    const rows = await this.#db
      .selectFrom("template_names")
      .selectAll()
      .where("alias", "=", alias)
      .where("namespace", "in", namespaces)
      .execute();
    const row = rows.sort((a, b) => namespaces.indexOf(a.namespace) - namespaces.indexOf(b.namespace))[0];
    return row && this.get(row.template_id);
  }

  /** The team's templates, newest first, each with all its builds, newest first. */
  async list(teamId: string): Promise<{ template: Template; builds: TemplateBuild[] }[]> {
    const rows = await this.#db
      .selectFrom("templates")
      .selectAll()
      .where("team_id", "=", teamId)
      .orderBy("created_at", "desc")
      .orderBy("id")
      .execute();
    if (rows.length === 0) return [];
    const ids = rows.map((row) => row.id);
    const [names, builds] = [await this.#namesOf(ids), await this.#buildsOf(ids)];
    return rows.map((row) => ({
      template: toTemplate(row, names.get(row.id) ?? []),
      builds: builds.filter((build) => build.templateId === row.id),
    }));
  }

  async builds(templateId: string): Promise<TemplateBuild[]> {
    return this.#buildsOf([templateId]);
  }

  async buildByTag(templateId: string, tag: string): Promise<TemplateBuild | undefined> {
    const row = await this.#db
      .selectFrom("template_builds")
      .innerJoin("template_tags", "template_tags.build_id", "template_builds.id")
      .selectAll("template_builds")
      .where("template_tags.template_id", "=", templateId)
      .where("template_tags.tag", "=", tag)
      .executeTakeFirst();
    return row && toBuild(row);
  }

  /** Builds whose id begins with `idPrefix`, at most `limit`. */
  async buildsByIdPrefix(idPrefix: string, limit: number): Promise<TemplateBuild[]> {
    const rows = await this.#db
      .selectFrom("template_builds")
      .selectAll()
      .where("id", ">=", idPrefix)
      .where("id", "<", `${idPrefix}~`)
      .orderBy("id")
      .limit(limit)
      .execute();
    return rows.map(toBuild);
  }

  async recordSpawn(templateId: string, spawnedAtMs: number): Promise<void> {
    await this.#db
      .updateTable("templates")
      .set((set) => ({ spawn_count: set("spawn_count", "+", 1), last_spawned_at: spawnedAtMs }))
      .where("id", "=", templateId)
      .execute();
  }

  /**
   * Records a finished build and its template, gives it the names (taking them from other templates) and the tags.
   * Repeating it changes nothing but the time of the last update.
   */
  async registerBuild(registration: BuildRegistration): Promise<void> {
    const nowMs = Date.now();
    await this.#db.transaction().execute(async (db) => {
      const { manifest } = registration;
      const published = { public: toFlag(registration.public), updated_at: nowMs };
      await db
        .insertInto("templates")
        .values({
          id: manifest.templateId,
          team_id: registration.teamId,
          created_at: nowMs,
          spawn_count: 0,
          last_spawned_at: null,
          ...published,
        })
        .onConflict((conflict) => conflict.column("id").doUpdateSet(published))
        .execute();
      await insertBuild(db, manifest, nowMs);
      for (const name of registration.names) await assignName(db, name, manifest.templateId);
      for (const tag of registration.tags) await assignTag(db, manifest, tag, nowMs);
    });
  }

  async #namesOf(templateIds: string[]): Promise<Map<string, TemplateName[]>> {
    const rows = await this.#db
      .selectFrom("template_names")
      .selectAll()
      .where("template_id", "in", templateIds)
      .orderBy("namespace")
      .orderBy("alias")
      .execute();
    const byTemplate = new Map<string, TemplateName[]>();
    for (const { template_id: id, namespace, alias } of rows) {
      byTemplate.set(id, [...(byTemplate.get(id) ?? []), { namespace, alias }]);
    }
    return byTemplate;
  }

  async #buildsOf(templateIds: string[]): Promise<TemplateBuild[]> {
    const rows = await this.#db
      .selectFrom("template_builds")
      .selectAll()
      .where("template_id", "in", templateIds)
      .orderBy("created_at", "desc")
      .orderBy("id")
      .execute();
    return rows.map(toBuild);
  }
}

async function insertBuild(db: Transaction<Database>, manifest: BuildManifest, nowMs: number): Promise<void> {
  const content = {
    status: "ready" satisfies BuildStatus,
    cpu_count: manifest.cpuCount,
    memory_mib: manifest.memoryMib,
    disk_mib: manifest.diskMib,
    envd_version: manifest.envdVersion,
    manifest: JSON.stringify(manifest),
    updated_at: nowMs,
  };
  await db
    .insertInto("template_builds")
    .values({
      id: manifest.buildId,
      template_id: manifest.templateId,
      created_at: nowMs,
      finished_at: nowMs,
      ...content,
    })
    .onConflict((conflict) => conflict.column("id").doUpdateSet(content))
    .execute();
}

async function assignName(db: Transaction<Database>, name: TemplateName, templateId: string): Promise<void> {
  await db
    .insertInto("template_names")
    .values({ namespace: name.namespace, alias: name.alias, template_id: templateId })
    .onConflict((conflict) =>
      conflict.columns(["namespace", "alias"]).doUpdateSet({ template_id: templateId }),
    )
    .execute();
}

async function assignTag(
  db: Transaction<Database>,
  manifest: BuildManifest,
  tag: string,
  nowMs: number,
): Promise<void> {
  const assigned = { build_id: manifest.buildId, created_at: nowMs };
  await db
    .insertInto("template_tags")
    .values({ template_id: manifest.templateId, tag, ...assigned })
    .onConflict((conflict) => conflict.columns(["template_id", "tag"]).doUpdateSet(assigned))
    .execute();
}
