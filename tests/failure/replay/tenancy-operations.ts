import type { Operation, OperationKind } from "./plan.ts";
import { arrived, expectStatus } from "./sandbox-operations.ts";
import type { KnownThing, World } from "./world.ts";

type Run = (world: World, operation: Operation) => Promise<void>;

/** Holds one of those that are there and that nobody else works on. */
async function withOne(
  things: KnownThing[],
  { pick }: Operation,
  work: (thing: KnownThing) => Promise<void>,
): Promise<void> {
  const free = things.filter(({ state, isBusy }) => state === "there" && !isBusy);
  const thing = free[Math.floor(pick * free.length)];
  if (!thing) return;
  thing.isBusy = true;
  // Until the answer says how it went.
  thing.state = "unsure";
  await work(thing);
  thing.isBusy = false;
}

const remove =
  (what: string, things: (world: World) => KnownThing[], path: (thing: KnownThing) => string): Run =>
  (world, operation) =>
    withOne(things(world), operation, async (thing) => {
      const answer = await world.call("DELETE", path(thing));
      if (!arrived(world, what, answer)) return;
      if (expectStatus(world, what, answer, [204])) thing.state = "gone";
    });

async function createKey(world: World, { number }: Operation): Promise<void> {
  const answer = await world.call("POST", "/api-keys", { body: { name: `replay ${number}` } });
  if (!arrived(world, "new key", answer) || !expectStatus(world, "new key", answer, [201])) return;
  const { id, key } = answer.json as { id: string; key: string };
  world.keys.push({ id, text: key, version: 1, state: "there", isBusy: false });
}

async function createSecret(world: World, { number }: Operation): Promise<void> {
  const name = `replay-${number}`;
  const secret: KnownThing = { id: name, text: name, version: 1, state: "unsure", isBusy: true };
  world.secrets.push(secret);
  const answer = await world.call("POST", "/secrets", { body: { name, value: "a value" } });
  secret.isBusy = false;
  if (!arrived(world, "new secret", answer) || !expectStatus(world, "new secret", answer, [201])) return;
  secret.state = "there";
}

const updateSecret: Run = (world, operation) =>
  withOne(world.secrets, operation, async (secret) => {
    const answer = await world.call("POST", `/secrets/${secret.text}`, { body: { value: "another" } });
    if (!arrived(world, "secret's new value", answer)) return;
    if (!expectStatus(world, "secret's new value", answer, [200])) return;
    secret.state = "there";
    secret.version = Number(answer.json["currentVersion"]);
  });

export const tenancyOperations: Partial<Record<OperationKind, Run>> = {
  createKey,
  deleteKey: remove(
    "deletion of a key",
    (world) => world.keys,
    ({ id }) => `/api-keys/${id}`,
  ),
  createSecret,
  updateSecret,
  deleteSecret: remove(
    "deletion of a secret",
    (world) => world.secrets,
    ({ text }) => `/secrets/${text}`,
  ),
};

/** In a quiet moment: keys and secrets are as clients were told, and what nobody was told is settled. */
export async function checkTenancy(world: World): Promise<void> {
  for (const key of world.keys) {
    const answer = await world.call("GET", "/v2/sandboxes?limit=1", { apiKey: key.text });
    settle(world, `key ${key.id}`, key, answer?.status === 200, answer?.status);
  }
  for (const secret of world.secrets) {
    const answer = await world.call("GET", `/secrets/${secret.text}`);
    const isUnsure = secret.state === "unsure";
    settle(world, `secret ${secret.text}`, secret, answer?.status === 200, answer?.status);
    const version = Number(answer?.json["currentVersion"] ?? secret.version);
    if (version === secret.version || (isUnsure && version === secret.version + 1)) secret.version = version;
    else world.violation(`secret ${secret.text} has version ${version}, not ${secret.version}`);
  }
}

function settle(world: World, what: string, thing: KnownThing, isThere: boolean, status = 0): void {
  if (thing.state === "unsure") thing.state = isThere ? "there" : "gone";
  else if (isThere !== (thing.state === "there")) world.violation(`${what} is not ${thing.state}: ${status}`);
}
