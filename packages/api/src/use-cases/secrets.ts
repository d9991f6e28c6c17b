import { AppError } from "@sandbank/core/errors";
import { randomId } from "@sandbank/core/ids";
import type { Secret } from "@sandbank/store/secrets";
import type { ControlPlane } from "../control-plane.ts";

const maxSecrets = 1_000;
/** Older versions are dropped, so that a secret that is renewed every hour does not grow for ever. */
const keptVersions = 100;
const idPrefix = "sec_";
const limits = { entries: 32, keyBytes: 128, valueBytes: 1024, totalBytes: 8192 };

const refused = (problem: string): AppError =>
  new AppError({ code: "invalid_argument", message: `validation error: ${problem}` });

const secretNotFound = (reference: string): AppError =>
  new AppError({ code: "not_found", message: `Secret "${reference}" was not found` });

function checkMetadata(metadata: Record<string, string>): void {
  const entries = Object.entries(metadata);
  if (entries.length > limits.entries) throw refused(`metadata has more than ${limits.entries} entries`);
  let total = 0;
  for (const [key, value] of entries) {
    const [keyBytes, valueBytes] = [Buffer.byteLength(key), Buffer.byteLength(value)];
    if (keyBytes > limits.keyBytes) throw refused(`a key of metadata is over ${limits.keyBytes} bytes`);
    if (valueBytes > limits.valueBytes) {
      throw refused(`metadata field "${key}" is over ${limits.valueBytes} bytes`);
    }
    total += keyBytes + valueBytes;
  }
  if (total > limits.totalBytes) throw refused(`metadata is over ${limits.totalBytes} bytes in all`);
}

/** What a version's value is bound to: it opens nowhere else. */
export const placeOf = (secretId: string, version: number): string => `${secretId}/${version}`;

/** Rejects with `conflict` when the name is taken or the team has too many, `invalid_argument` for bad metadata. */
export async function createSecret(
  plane: ControlPlane,
  teamId: string,
  wanted: { name: string; value: string; metadata: Record<string, string> },
): Promise<Secret> {
  const name = wanted.name.toLowerCase();
  if (name.startsWith(idPrefix)) throw refused(`name "${name}" begins with ${idPrefix}, as only ids do`);
  checkMetadata(wanted.metadata);
  const nowMs = Date.now();
  const secret: Secret = {
    id: idPrefix + randomId(20),
    teamId,
    name,
    metadata: wanted.metadata,
    currentVersion: 1,
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
  };
  const sealed = plane.secretBox.seal(wanted.value, placeOf(secret.id, 1));
  const outcome = await plane.store.secrets.create(secret, sealed, maxSecrets);
  if (outcome === "created") return secret;
  if (outcome === "name taken") {
    throw new AppError({ code: "already_exists", message: `There is a secret "${name}" already` });
  }
  throw new AppError({
    code: "conflict",
    reason: "secret_limit_reached",
    message: `The team has ${maxSecrets} secrets, its maximum: delete one`,
  });
}

/** Rejects with `not_found`; another team's secret is not found either. */
export async function getSecret(plane: ControlPlane, teamId: string, reference: string): Promise<Secret> {
  const secret = await plane.store.secrets.find(teamId, reference.toLowerCase());
  if (!secret) throw secretNotFound(reference);
  return secret;
}

/** Adds a version, which is current from then on; absent metadata stay. Rejects like `getSecret`. */
export async function updateSecret(
  plane: ControlPlane,
  teamId: string,
  reference: string,
  wanted: { value: string; metadata: Record<string, string> | undefined },
): Promise<Secret> {
  if (wanted.metadata) checkMetadata(wanted.metadata);
  const { id } = await getSecret(plane, teamId, reference);
  return plane.locks.run(id, async () => {
    const before = await getSecret(plane, teamId, id);
    const next: Secret = {
      ...before,
      metadata: wanted.metadata ?? before.metadata,
      currentVersion: before.currentVersion + 1,
      updatedAtMs: Date.now(),
    };
    const sealed = plane.secretBox.seal(wanted.value, placeOf(id, next.currentVersion));
    if (!(await plane.store.secrets.addVersion(next, sealed, keptVersions))) throw secretNotFound(reference);
    return next;
  });
}

/** With all its versions; gives what it was. Rejects like `getSecret`. */
export async function deleteSecret(plane: ControlPlane, teamId: string, reference: string): Promise<Secret> {
  const secret = await getSecret(plane, teamId, reference);
  if (!(await plane.store.secrets.delete(teamId, secret.id))) throw secretNotFound(reference);
  return secret;
}
