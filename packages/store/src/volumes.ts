import type { Kysely, Selectable } from "kysely";
import { lockTeam } from "./lock-team.ts";
import { occupyingStates } from "./sandbox-record.ts";
import type { Database, VolumesTable } from "./schema.ts";
import type { TeamLimits } from "./teams.ts";

/** A volume is there for its team while it is `ready`; the others are being made or removed on the node. */
export type VolumeState = "creating" | "ready" | "deleting";

export interface Volume {
  /** UUID. */
  id: string;
  teamId: string;
  /** Unique in its team. */
  name: string;
  sizeMib: number;
  state: VolumeState;
  createdAtMs: number;
}

/** The limits that the volumes of one team share. */
export type VolumeLimit = "maxVolumes" | "maxVolumesMib";

export type VolumeReservation =
  | { outcome: "reserved" }
  | { outcome: "name taken" }
  /** `used` is without the refused volume. */
  | { outcome: "exceeded"; limit: VolumeLimit; max: number; used: number };

export type VolumeRemoval =
  | { outcome: "begun" }
  | { outcome: "not found" }
  | { outcome: "mounted"; sandboxIds: string[] };

const toVolume = (row: Selectable<VolumesTable>): Volume => ({
  id: row.id,
  teamId: row.team_id,
  name: row.name,
  sizeMib: row.size_mib,
  state: row.state as VolumeState,
  createdAtMs: row.created_at,
});

/** Sandboxes, alive in any way, that have the volume. */
async function sandboxesWith(db: Kysely<Database>, { id, teamId }: Volume): Promise<string[]> {
  const rows = await db
    .selectFrom("sandboxes")
    .select(["id", "volume_mounts"])
    .where("team_id", "=", teamId)
    .where("state", "in", [...occupyingStates, "paused"])
    .where("volume_mounts", "!=", "[]")
    .execute();
  const has = (mounts: string): boolean =>
    (JSON.parse(mounts) as { volumeId: string }[]).some(({ volumeId }) => volumeId === id);
  return rows.filter((row) => has(row.volume_mounts)).map((row) => row.id);
}

export class VolumeStore {
  readonly #db: Kysely<Database>;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /** Inserts `volume` when its name is free and its team has room, all in one transaction. */
  async reserve(volume: Volume, limits: Pick<TeamLimits, VolumeLimit>): Promise<VolumeReservation> {
    return this.#db.transaction().execute(async (db): Promise<VolumeReservation> => {
      await lockTeam(db, volume.teamId);
      const rows = await db
        .selectFrom("volumes")
        .select(["name", "size_mib"])
        .where("team_id", "=", volume.teamId)
        .execute();
      if (rows.some(({ name }) => name === volume.name)) return { outcome: "name taken" };
      const usedMib = rows.reduce((sum, row) => sum + row.size_mib, 0);
      const { maxVolumes, maxVolumesMib } = limits;
      if (rows.length >= maxVolumes) {
        return { outcome: "exceeded", limit: "maxVolumes", max: maxVolumes, used: rows.length };
      }
      if (usedMib + volume.sizeMib > maxVolumesMib) {
        return { outcome: "exceeded", limit: "maxVolumesMib", max: maxVolumesMib, used: usedMib };
      }
      const { id, teamId, name, sizeMib, state, createdAtMs } = volume;
      await db
        .insertInto("volumes")
        .values({ id, team_id: teamId, name, size_mib: sizeMib, state, created_at: createdAtMs })
        .execute();
      return { outcome: "reserved" };
    });
  }

  /** A volume that was being made is there from now on. */
  async markReady(id: string): Promise<void> {
    await this.#db
      .updateTable("volumes")
      .set({ state: "ready" })
      .where("id", "=", id)
      .where("state", "=", "creating")
      .execute();
  }

  /** undefined unless it is ready. */
  async get(id: string): Promise<Volume | undefined> {
    const row = await this.#db
      .selectFrom("volumes")
      .selectAll()
      .where("id", "=", id)
      .where("state", "=", "ready")
      .executeTakeFirst();
    return row && toVolume(row);
  }

  /** A team's volumes that are ready, oldest first. */
  async list(teamId: string): Promise<Volume[]> {
    const rows = await this.#db
      .selectFrom("volumes")
      .selectAll()
      .where("team_id", "=", teamId)
      .where("state", "=", "ready")
      .orderBy("created_at")
      .orderBy("id")
      .execute();
    return rows.map(toVolume);
  }

  /** Every volume of any team, whatever its state: what nodes may have. */
  async all(): Promise<Volume[]> {
    return (await this.#db.selectFrom("volumes").selectAll().execute()).map(toVolume);
  }

  /** Takes a volume from its team, unless a sandbox has it. From then on no new sandbox can have it. */
  async beginRemoval(teamId: string, id: string): Promise<VolumeRemoval> {
    return this.#db.transaction().execute(async (db): Promise<VolumeRemoval> => {
      await lockTeam(db, teamId);
      const row = await db
        .selectFrom("volumes")
        .selectAll()
        .where("team_id", "=", teamId)
        .where("id", "=", id)
        .where("state", "=", "ready")
        .executeTakeFirst();
      if (!row) return { outcome: "not found" };
      const sandboxIds = await sandboxesWith(db, toVolume(row));
      if (sandboxIds.length > 0) return { outcome: "mounted", sandboxIds };
      await db.updateTable("volumes").set({ state: "deleting" }).where("id", "=", id).execute();
      return { outcome: "begun" };
    });
  }

  /** Gives a volume back whose removal was begun and refused by the node. */
  async cancelRemoval(id: string): Promise<void> {
    await this.#db
      .updateTable("volumes")
      .set({ state: "ready" })
      .where("id", "=", id)
      .where("state", "=", "deleting")
      .execute();
  }

  /** When nothing of it is left on the node. */
  async forget(id: string): Promise<void> {
    await this.#db.deleteFrom("volumes").where("id", "=", id).where("state", "!=", "ready").execute();
  }
}
