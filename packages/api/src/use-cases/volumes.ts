import { randomUUID } from "node:crypto";
import { AppError } from "@sandbank/core/errors";
import type { Team } from "@sandbank/store/teams";
import type { Volume } from "@sandbank/store/volumes";
import { type ControlPlane, limitsOf } from "../control-plane.ts";
import { howToRaise, limitTexts } from "./team-limits.ts";

const volumeNotFound = (volumeId: string): AppError =>
  new AppError({ code: "not_found", message: `Volume "${volumeId}" was not found` });

/**
 * Makes an empty volume on the node. Rejects with `invalid_argument` when the team has one of that name, or
 * `resource_exhausted` when it has no room. On failure nothing is left, or the reconciler removes it.
 */
export async function createVolume(plane: ControlPlane, team: Team, name: string): Promise<Volume> {
  const limits = limitsOf(plane, team);
  const volume: Volume = {
    id: randomUUID(),
    teamId: team.id,
    name,
    sizeMib: limits.volumeMib,
    state: "creating",
    createdAtMs: Date.now(),
  };
  return plane.locks.run(volume.id, async () => {
    const reservation = await plane.store.volumes.reserve(volume, limits);
    if (reservation.outcome === "name taken") {
      throw new AppError({ code: "invalid_argument", message: `There is a volume "${name}" already` });
    }
    if (reservation.outcome === "exceeded") {
      const { limit, max, used } = reservation;
      throw new AppError({
        code: "resource_exhausted",
        reason: "team_limit_reached",
        message:
          `Team "${team.name}" would go over its limit ${limit} of ${max} ${limitTexts[limit].unit} (${used} in use): ` +
          `delete a volume, or ${howToRaise(team, limit)}`,
      });
    }
    try {
      await plane.volumes.create(volume.id, volume.sizeMib);
      await plane.store.volumes.markReady(volume.id);
    } catch (error) {
      await removeWhole(plane, volume.id).catch((second: unknown) =>
        plane.events.volumeRepairFailed(volume.id, second),
      );
      throw error;
    }
    plane.events.volumeCreated(volume);
    return { ...volume, state: "ready" };
  });
}

/** Rejects with `not_found`; another team's volume is not found either. */
export async function getVolume(plane: ControlPlane, teamId: string, volumeId: string): Promise<Volume> {
  const volume = await plane.store.volumes.get(volumeId);
  if (volume?.teamId !== teamId) throw volumeNotFound(volumeId);
  return volume;
}

/** Removes a volume with all that is in it. Rejects like `getVolume`, or with `conflict` while something uses it. */
export async function deleteVolume(plane: ControlPlane, teamId: string, volumeId: string): Promise<void> {
  await plane.locks.run(volumeId, async () => {
    const removal = await plane.store.volumes.beginRemoval(teamId, volumeId);
    if (removal.outcome === "not found") throw volumeNotFound(volumeId);
    if (removal.outcome === "mounted") {
      throw new AppError({
        code: "conflict",
        message: `Volume "${volumeId}" is mounted in ${removal.sandboxIds.join(", ")}: end these sandboxes first`,
      });
    }
    try {
      await removeWhole(plane, volumeId);
    } catch (error) {
      // Its content is being read or written.
      if (error instanceof AppError && error.code === "conflict") {
        await plane.store.volumes.cancelRemoval(volumeId);
      }
      throw error;
    }
    plane.events.volumeDeleted(volumeId);
  });
}

async function removeWhole(plane: ControlPlane, volumeId: string): Promise<void> {
  await plane.volumes.remove(volumeId);
  await plane.store.volumes.forget(volumeId);
}

/** Removes what calls or processes that broke off have left half made or half removed. */
export async function repairVolumes(plane: ControlPlane): Promise<void> {
  const isUnfinished = ({ state }: Volume): boolean => state !== "ready";
  for (const { id } of (await plane.store.volumes.all()).filter(isUnfinished)) {
    try {
      await plane.locks.run(id, async () => {
        // Whoever held the lock may have finished it.
        if ((await plane.store.volumes.all()).some((volume) => volume.id === id && isUnfinished(volume))) {
          await removeWhole(plane, id);
        }
      });
    } catch (error) {
      plane.events.volumeRepairFailed(id, error);
    }
  }
}

/**
 * Tells the operator of volumes that the node has and the store does not know. They are left alone: a volume is in the
 * store from before it is made until after it is removed, so that what is missing there is the store's loss.
 */
export async function reportUnknownVolumes(plane: ControlPlane): Promise<void> {
  const known = new Set((await plane.store.volumes.all()).map(({ id }) => id));
  try {
    const unknown = (await plane.volumes.list()).filter((id) => !known.has(id));
    if (unknown.length > 0) plane.events.unknownVolumes(unknown);
  } catch (error) {
    plane.events.volumeRepairFailed(undefined, error);
  }
}
