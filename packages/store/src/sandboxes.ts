import type { Kysely, Updateable } from "kysely";
import {
  type IdempotencyClaim,
  type Reservation,
  type ReservationLimits,
  pairHashes,
  reserve,
} from "./reservation.ts";
import { type Database, type SandboxesTable, toFlag } from "./schema.ts";
import {
  type EndReason,
  type JsonObject,
  type SandboxRecord,
  type SandboxState,
  toRecord,
  transitions,
} from "./sandbox-record.ts";

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
  /** Null: the client said nothing. */
  allowInternetAccess?: boolean | null;
  network?: JsonObject;
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

const toOptionalFlag = (value: boolean | null | undefined): 0 | 1 | null | undefined =>
  typeof value === "boolean" ? toFlag(value) : value;

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
    allow_internet_access: toOptionalFlag(patch.allowInternetAccess),
    network: patch.network === undefined ? undefined : JSON.stringify(patch.network),
  };
}

/** From a sandbox's start to its end; without one while it runs. */
export interface Lifetime {
  startedAtMs: number;
  endedAtMs: number | undefined;
}

export class SandboxStore {
  readonly #db: Kysely<Database>;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /** Inserts `record` when its team has room and nobody holds the claim's key, all in one transaction. */
  async reserve(
    record: SandboxRecord,
    limits: ReservationLimits,
    claim?: IdempotencyClaim,
  ): Promise<Reservation> {
    return reserve(this.#db, record, limits, claim);
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

  /** When the team's sandboxes lived that were alive at some time between the two. */
  async lifetimes(teamId: string, startMs: number, endMs: number): Promise<Lifetime[]> {
    const rows = await this.#db
      .selectFrom("sandboxes")
      .select(["started_at", "ended_at"])
      .where("team_id", "=", teamId)
      .where("state", "!=", "creating")
      .where("started_at", "<=", endMs)
      .where((where) => where.or([where("ended_at", "is", null), where("ended_at", ">", startMs)]))
      .orderBy("started_at")
      .execute();
    return rows.map((row) => ({ startedAtMs: row.started_at, endedAtMs: row.ended_at ?? undefined }));
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
