import type { Kysely } from "kysely";
import type { Database } from "./schema.ts";

/** In a transaction: makes changes to what one team has wait for each other on any database, by touching the team's row. */
export async function lockTeam(db: Kysely<Database>, teamId: string): Promise<void> {
  await db
    .updateTable("teams")
    .set((set) => ({ blocked: set.ref("blocked") }))
    .where("id", "=", teamId)
    .execute();
}
