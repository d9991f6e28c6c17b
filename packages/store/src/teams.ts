import { randomUUID } from "node:crypto";
import type { Kysely, Selectable } from "kysely";
import { type Database, type TeamsTable, fromFlag, toFlag } from "./schema.ts";

/** What a team may use at most. */
export interface TeamLimits {
  /** Sandboxes that exist at the same time, starting ones included. */
  maxSandboxes: number;
  /** CPUs of all sandboxes together. */
  maxCpuCount: number;
  /** Memory of all sandboxes together. */
  maxMemoryMib: number;
  /** Writable disk of all sandboxes together. */
  maxDiskMib: number;
  /** Volumes that exist at the same time. */
  maxVolumes: number;
  /** Sizes of all volumes together. */
  maxVolumesMib: number;
  /** Size of each new volume. */
  volumeMib: number;
  /** From a sandbox's start to its end. */
  maxLengthMs: number;
  /** API requests per second over all keys, on average; bursts of twice as many pass. */
  maxRequestsPerSec: number;
  /** The same for each single key. */
  maxKeyRequestsPerSec: number;
}

export interface Team {
  id: string;
  slug: string;
  name: string;
  /** Only what differs from the server's defaults. */
  limits: Partial<TeamLimits>;
  blocked: boolean;
  createdAtMs: number;
}

/** Slug of the team that owns the built-in templates and the first key. */
export const defaultTeamSlug = "default";

export function toTeam(row: Selectable<TeamsTable>): Team {
  return {
    id: row.id,
    slug: row.slug,
    name: row.name,
    limits: JSON.parse(row.limits) as Partial<TeamLimits>,
    blocked: fromFlag(row.blocked),
    createdAtMs: row.created_at,
  };
}

export class TeamStore {
  readonly #db: Kysely<Database>;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /** The team with this slug, made when there is none; `limits` and `name` only count when it is made. */
  async ensure(slug: string, options: { name?: string; limits?: Partial<TeamLimits> } = {}): Promise<Team> {
    await this.#db
      .insertInto("teams")
      .values({
        id: randomUUID(),
        slug,
        name: options.name ?? slug,
        limits: JSON.stringify(options.limits ?? {}),
        blocked: 0,
        created_at: Date.now(),
      })
      .onConflict((conflict) => conflict.column("slug").doNothing())
      .execute();
    return toTeam(
      await this.#db.selectFrom("teams").selectAll().where("slug", "=", slug).executeTakeFirstOrThrow(),
    );
  }

  async get(id: string): Promise<Team | undefined> {
    const row = await this.#db.selectFrom("teams").selectAll().where("id", "=", id).executeTakeFirst();
    return row && toTeam(row);
  }

  async list(): Promise<Team[]> {
    const rows = await this.#db.selectFrom("teams").selectAll().orderBy("slug").execute();
    return rows.map(toTeam);
  }

  async findBySlug(slug: string): Promise<Team | undefined> {
    const row = await this.#db.selectFrom("teams").selectAll().where("slug", "=", slug).executeTakeFirst();
    return row && toTeam(row);
  }

  /** Replaces the team's own limits, and whether its keys are refused. */
  async update(id: string, change: { limits: Partial<TeamLimits>; blocked: boolean }): Promise<void> {
    await this.#db
      .updateTable("teams")
      .set({ limits: JSON.stringify(change.limits), blocked: toFlag(change.blocked) })
      .where("id", "=", id)
      .execute();
  }
}
