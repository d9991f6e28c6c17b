import { createHash } from "node:crypto";
import { isHeaderValue, otherPlaceholdersIn, secretNamesIn } from "@sandbank/protocol/secret-reference";
import type { JsonObject, SandboxRecord } from "@sandbank/store/sandbox-record";
import type { SealedSecret } from "@sandbank/store/secrets";
import type { ControlPlane } from "../control-plane.ts";
import type { NodeSecrets } from "../ports.ts";
import { invalidNetwork } from "./sandbox-errors.ts";
import { placeOf } from "./secrets.ts";

type Rules = Record<string, { transform?: { headers?: Record<string, string> } }[]>;

/** A request's or a record's `network`, as far as it matters here. */
type WithRules = { rules?: unknown } | undefined;

const headerValuesOf = (network: WithRules): string[] =>
  Object.values((network?.rules ?? {}) as Rules)
    .flat()
    .flatMap(({ transform }) => Object.values(transform?.headers ?? {}));

/** Names of the stored secrets that a `network`'s rules refer to. */
const referencesOf = (network: WithRules): string[] => [
  ...new Set(headerValuesOf(network).flatMap((value) => secretNamesIn(value))),
];

const fits = (secret: SealedSecret, reference: string): boolean =>
  secret.name === reference || secret.id === reference;

function revisionOf(references: string[], secrets: SealedSecret[]): string {
  const states = references.map((reference) => {
    const secret = secrets.find((candidate) => fits(candidate, reference));
    return [reference, secret?.id, secret?.version];
  });
  return createHash("sha256").update(JSON.stringify(states)).digest("hex");
}

/**
 * The current values of the secrets that rules refer to, for the node; undefined when they refer to none. Secrets that are
 * not there are left out.
 */
export async function secretsFor(
  plane: ControlPlane,
  teamId: string,
  network: WithRules,
): Promise<NodeSecrets | undefined> {
  const references = referencesOf(network);
  if (references.length === 0) return undefined;
  const secrets = await plane.store.secrets.current(teamId, references);
  const values = references.flatMap((reference) => {
    const secret = secrets.find((candidate) => fits(candidate, reference));
    if (!secret) return [];
    const { id, version, sealedValue } = secret;
    return [[reference, plane.secretBox.open(sealedValue, placeOf(id, version))] as const];
  });
  return { revision: revisionOf(references, secrets), values: Object.fromEntries(values) };
}

/** Rejects with `invalid_argument` when a rule refers to something that could never be put in. */
export async function checkReferences(
  plane: ControlPlane,
  teamId: string,
  network: WithRules,
): Promise<void> {
  const [other] = headerValuesOf(network).flatMap((value) => otherPlaceholdersIn(value));
  if (other !== undefined) {
    throw invalidNetwork(`rules have the placeholder "${other}", which stands for nothing here`);
  }
  const secrets = await secretsFor(plane, teamId, network);
  if (!secrets) return;
  for (const reference of referencesOf(network)) {
    const value = secrets.values[reference];
    if (value === undefined)
      throw invalidNetwork(`rules refer to the secret "${reference}", which is not there`);
    if (!isHeaderValue(value)) {
      throw invalidNetwork(
        `rules refer to the secret "${reference}", whose value has characters that no header can have`,
      );
    }
  }
}

/** Hands a running sandbox's secrets to the node, unless `known` names what it would get. */
async function handOver(plane: ControlPlane, sandboxId: string, known: string | undefined): Promise<void> {
  await plane.locks.run(sandboxId, async () => {
    const record = await plane.store.sandboxes.get(sandboxId);
    if (record?.state !== "running") return;
    const secrets = await secretsFor(plane, record.teamId, record.network);
    if (secrets && secrets.revision !== known) await plane.node.setSecrets(sandboxId, secrets);
  });
}

/** Makes the node have the secrets that a sandbox's rules refer to; `revision` is what it says that it has. */
export async function repairSecrets(
  plane: ControlPlane,
  record: SandboxRecord,
  revision: string,
): Promise<void> {
  if (referencesOf(record.network).length > 0) await handOver(plane, record.id, revision);
}

/**
 * After a secret has changed or gone: requests of sandboxes whose rules refer to it get what is true now. What a node does
 * not take at once is an event, and made good by the reconciler.
 */
export async function spreadSecret(
  plane: ControlPlane,
  teamId: string,
  secret: { id: string; name: string },
): Promise<void> {
  const refersToIt = (network: JsonObject | undefined): boolean =>
    referencesOf(network).some((reference) => reference === secret.name || reference === secret.id);
  const records = await plane.store.sandboxes.inStates(["creating", "running"]);
  const affected = records.filter((record) => record.teamId === teamId && refersToIt(record.network));
  await Promise.all(
    affected.map(({ id }) =>
      handOver(plane, id, undefined).catch((error: unknown) => plane.events.repairFailed(id, error)),
    ),
  );
}
