import { posix } from "node:path";
import { AppError } from "@sandbank/core/errors";
import type { VolumeMount } from "@sandbank/store/sandbox-record";
import type { Team } from "@sandbank/store/teams";
import type { ControlPlane } from "../control-plane.ts";

/** A mount as a client asks for it. */
export interface WantedMount {
  /** Of a volume. */
  name: string;
  path: string;
}

const maxMounts = 32;
const maxPathBytes = 4095;
/** Mounted by the system itself, or the daemon's own. */
const reserved = ["/proc", "/sys", "/dev", "/.sandbank", "/.sandbank-groups"];

const isWithin = (path: string, directory: string): boolean => `${path}/`.startsWith(`${directory}/`);

function pathProblem(path: string): string | undefined {
  if (!path.startsWith("/")) return "path must be absolute";
  if (path === "/") return "path can't be /";
  if (path.includes("\0") || Buffer.byteLength(path) > maxPathBytes) return "path is not possible";
  if (posix.normalize(path) !== path || path.endsWith("/")) {
    return "path must be clean, without . and .. and slashes too many";
  }
  const taken = reserved.find((directory) => isWithin(path, directory));
  return taken && `path can't be within ${taken}`;
}

/** Within another mount's path the directory to mount on would be made in that volume, and be its tenants' to move. */
function overlapProblem(mounts: WantedMount[], index: number): string | undefined {
  const { path } = mounts[index] ?? { path: "" };
  const other = mounts.find((each, at) => {
    if (at === index) return false;
    return each.path === path ? at < index : isWithin(path, each.path);
  });
  if (!other) return undefined;
  return other.path === path ? `path "${path}" is used twice` : `path is within "${other.path}"`;
}

export const invalidMounts = (problems: string[]): AppError =>
  new AppError({
    code: "invalid_argument",
    message: `invalid mounts:${problems.map((problem) => `\n\t- ${problem}`).join("")}`,
  });

/** Finds the volumes of mounts that a sandbox is to have. Rejects with `invalid_argument` that names all that is wrong. */
export async function resolveVolumeMounts(
  plane: ControlPlane,
  team: Team,
  mounts: WantedMount[],
): Promise<VolumeMount[]> {
  if (mounts.length === 0) return [];
  if (mounts.length > maxMounts) throw invalidMounts([`there are more than ${maxMounts}`]);
  const volumes = new Map((await plane.store.volumes.list(team.id)).map((volume) => [volume.name, volume]));
  const problems: string[] = [];
  const resolved = mounts.flatMap(({ name, path }, index): VolumeMount[] => {
    const volume = volumes.get(name);
    const missing = volume ? undefined : `volume '${name}' not found`;
    const problem = missing ?? pathProblem(path) ?? overlapProblem(mounts, index);
    if (problem !== undefined) problems.push(`volume mount #${index}: ${problem}`);
    return volume ? [{ volumeId: volume.id, name, path }] : [];
  });
  if (problems.length > 0) throw invalidMounts(problems);
  return resolved;
}
