import type { Kysely, Updateable } from "kysely";
import { hashToken } from "@sandbank/protocol/tokens";
import {
  type EndReason,
  type SandboxRecord,
  type SandboxState,
  toRecord,
  toRow,
  transitions,
} from "./sandbox-record.ts";
import type { Database, SandboxesTable } from "./schema.ts";

/** What changes together with a sandbox's state; absent members stay as they are. */
export interface SandboxPatch {
  startedAtMs?: number;
  endAtMs?: number;
  isolation?: string;
  driver?: string;
  nodeId?: string;
  hostAddress?: string;
  endReason?: EndReason;
  exitCode?: number | undefined;
  endedAtMs?: number;
}

export interface SandboxPageQuery {
  teamId: string;
  states: SandboxState[];
  order: "asc" | "desc";
  limit: number;
  /** The last sandbox of the page before. */
  after?: { startedAtMs: number; id: string } | undefined;
  startedAfterMs?: number | undefined;
  templateId?: string | undefined;
  /** All pairs must match. */
  metadata?: Record<string, string>;
}

/** States in which a sandbox counts against its team's limit, because it holds a node's resources. */
const occupying: SandboxState[] = ["creating", "running", "killing"];

const pairHashes = (metadata: Record<string, string>): string[] =>
  Object.entries(metadata).map((pair) => hashToken(JSON.stringify(pair)));

function toColumns(patch: SandboxPatch): Updateable<SandboxesTable> {
  return {
    started_at: patch.startedAtMs,
    end_at: patch.endAtMs,
    isolation: patch.isolation,
    driver: patch.driver,
    node_id: patch.nodeId,
    host_address: patch.hostAddress,
    end_reason: patch.endReason,
    exit_code: patch.exitCode,
    ended_at: patch.endedAtMs,
  };
}

export class SandboxStore {
  readonly #db: Kysely<Database>;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /**
   * Counts the team's sandboxes and, if there are fewer than `maxSandboxes`, inserts `record`, all in one transaction.
   * Returns false when the team has no room.
   */
  async reserve(record: SandboxRecord, maxSandboxes: number): Promise<boolean> {
    return this.#db.transaction().execute(async (db) => {
      // Touching the team's row makes reservations of one team wait for each other on any database.
      await db
        .updateTable("teams")
        .set((set) => ({ blocked: set.ref("blocked") }))
        .where("id", "=", record.teamId)
        .execute();
      const { count } = await db
        .selectFrom("sandboxes")
        .select((select) => select.fn.countAll<number | string>().as("count"))
        .where("team_id", "=", record.teamId)
        .where("state", "in", occupying)
        .executeTakeFirstOrThrow();
      if (Number(count) >= maxSandboxes) return false;
      await db.insertInto("sandboxes").values(toRow(record)).execute();
      const pairs = pairHashes(record.metadata).map((hash) => ({ sandbox_id: record.id, pair_hash: hash }));
      for (const pair of pairs) await db.insertInto("sandbox_metadata").values(pair).execute();
      return true;
    });
  }

  /** Forgets a sandbox that never came to be. */
  async forget(id: string): Promise<void> {
    await this.#db.deleteFrom("sandboxes").where("id", "=", id).where("state", "=", "creating").execute();
  }

  async get(id: string): Promise<SandboxRecord | undefined> {
    const row = await this.#db.selectFrom("sandboxes").selectAll().where("id", "=", id).executeTakeFirst();
    return row && toRecord(row);
  }

  /**
   * The only way to change a sandbox. False, and nothing changed, when it is not in the state `from`.
   * Throws when `transitions` has no such step.
   */
  async transition(
    id: string,
    from: SandboxState,
    to: SandboxState,
    patch: SandboxPatch = {},
  ): Promise<boolean> {
    if (!transitions[from].includes(to)) throw new Error(`a sandbox never goes from ${from} to ${to}`);
    const result = await this.#db
      .updateTable("sandboxes")
      .set({ state: to, ...toColumns(patch) })
      .where("id", "=", id)
      .where("state", "=", from)
      .executeTakeFirst();
    return result.numUpdatedRows > 0n;
  }

  /** Every sandbox, of any team, in one of these states. */
  async inStates(states: readonly SandboxState[]): Promise<SandboxRecord[]> {
    const rows = await this.#db.selectFrom("sandboxes").selectAll().where("state", "in", states).execute();
    return rows.map(toRecord);
  }

  /** One page of a team's sandboxes, by start time and then id. */
  async page(query: SandboxPageQuery): Promise<SandboxRecord[]> {
    const { after, startedAfterMs, templateId } = query;
    const compare = query.order === "asc" ? ">" : "<";
    let select = this.#db
      .selectFrom("sandboxes")
      .selectAll()
      .where("team_id", "=", query.teamId)
      .where("state", "in", query.states)
      .orderBy("started_at", query.order)
      .orderBy("id", query.order)
      .limit(query.limit);
    if (startedAfterMs !== undefined) select = select.where("started_at", ">", startedAfterMs);
    if (templateId !== undefined) select = select.where("template_id", "=", templateId);
    for (const hash of pairHashes(query.metadata ?? {})) {
      select = select.where((where) =>
        where.exists(
          where
            .selectFrom("sandbox_metadata")
            .select("pair_hash")
            .whereRef("sandbox_id", "=", "sandboxes.id")
            .where("pair_hash", "=", hash),
        ),
      );
    }
    if (after) {
      select = select.where((where) =>
        where.or([
          where("started_at", compare, after.startedAtMs),
          where.and([where("started_at", "=", after.startedAtMs), where("id", compare, after.id)]),
        ]),
      );
    }
    return (await select.execute()).map(toRecord);
  }

  async countRunning(teamId: string): Promise<number> {
    const { count } = await this.#db
      .selectFrom("sandboxes")
      .select((select) => select.fn.countAll<number | string>().as("count"))
      .where("team_id", "=", teamId)
      .where("state", "=", "running")
      .executeTakeFirstOrThrow();
    return Number(count);
  }

  /** Deletes the history of sandboxes that ended before `beforeMs`; returns how many. */
  async pruneEnded(beforeMs: number): Promise<number> {
    const result = await this.#db
      .deleteFrom("sandboxes")
      .where("state", "=", "ended")
      .where("ended_at", "<", beforeMs)
      .executeTakeFirst();
    return Number(result.numDeletedRows);
  }
}
