import { AppError } from "@sandbank/core/errors";
import type { Team } from "@sandbank/store/teams";
import type { Volume } from "@sandbank/store/volumes";
import type { ControlPlane } from "../control-plane.ts";
import type { VolumePort } from "../volume-port.ts";
import { howToRaise } from "./team-limits.ts";

/** How long a token for a volume's content is good for. */
const tokenLifeMs = 24 * 3_600_000;

/** A new token for the content of a volume. */
export const issueVolumeToken = (plane: ControlPlane, { id: volumeId, teamId }: Volume): string =>
  plane.tokens.volume({ volumeId, teamId, expiresAtMs: Date.now() + tokenLifeMs });

/**
 * Whose content a token opens. Rejects with `unauthenticated`, also for another volume's token, `permission_denied` for
 * a blocked team, `not_found` when the volume is gone.
 */
export async function openVolume(
  plane: ControlPlane,
  volumeId: string,
  token: string,
): Promise<{ volume: Volume; team: Team }> {
  const claims = plane.tokens.readVolume(token);
  if (claims?.volumeId !== volumeId) {
    throw new AppError({
      code: "unauthenticated",
      message: "Invalid or expired volume token: get a new one with GET /volumes/{volumeID}",
    });
  }
  const volume = await plane.store.volumes.get(volumeId);
  const team = await plane.store.teams.get(claims.teamId);
  if (!volume || !team || volume.teamId !== team.id) {
    throw new AppError({ code: "not_found", message: `Volume "${volumeId}" was not found` });
  }
  if (team.blocked) {
    throw new AppError({ code: "permission_denied", message: `Team "${team.name}" is blocked` });
  }
  return { volume, team };
}

/** Runs `work` on a volume's content; a full volume's error says how large it is and what would make larger ones. */
export async function onContent<T>(
  plane: ControlPlane,
  { volume, team }: { volume: Volume; team: Team },
  work: (volumes: VolumePort) => Promise<T>,
): Promise<T> {
  try {
    return await work(plane.volumes);
  } catch (error) {
    if (!(error instanceof AppError) || error.reason !== "volume_full") throw error;
    throw new AppError({
      code: error.code,
      reason: error.reason,
      message:
        `Volume "${volume.name}" of ${volume.sizeMib} MiB is full: remove something, or for larger new volumes ` +
        howToRaise(team, "volumeMib"),
      cause: error,
    });
  }
}
