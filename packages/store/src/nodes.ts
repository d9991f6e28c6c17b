import type { Kysely } from "kysely";
import type { Database } from "./schema.ts";

/** What an operator wants of a node: take sandboxes, or only keep those it has. */
export const nodeStatuses = ["ready", "draining"] as const;
export type WantedNodeStatus = (typeof nodeStatuses)[number];

export class NodeStore {
  readonly #db: Kysely<Database>;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /** Nodes that were ever given a status, by id. */
  async statuses(): Promise<Map<string, WantedNodeStatus>> {
    const rows = await this.#db.selectFrom("nodes").selectAll().execute();
    return new Map(rows.map(({ id, status }) => [id, status === "draining" ? "draining" : "ready"]));
  }

  async setStatus(id: string, status: WantedNodeStatus): Promise<void> {
    const row = { status, updated_at: Date.now() };
    await this.#db
      .insertInto("nodes")
      .values({ id, ...row })
      .onConflict((conflict) => conflict.column("id").doUpdateSet(row))
      .execute();
  }
}
