import type { Operation, OperationKind } from "./plan.ts";
import type { Answer } from "./wire.ts";
import type { KnownSandbox, World } from "./world.ts";

const longTimeoutSec = 900;
/** More would only make the machine slow: creates beyond it end one instead. */
const maxLiving = 8;

type Run = (world: World, operation: Operation) => Promise<void>;

const pickFrom = <T>(items: readonly T[], { pick }: Operation): T | undefined =>
  items[Math.floor(pick * items.length)];

/** Whether the answer came; a lost one is only right when the service was killed. */
export function arrived<T>(world: World, what: string, answer: T | undefined): answer is T {
  if (answer === undefined && !world.isServiceKilled) world.violation(`${what}: the connection broke`);
  if (answer === undefined) world.count("lost answers");
  return answer !== undefined;
}

export function expectStatus(world: World, what: string, answer: Answer, expected: number[]): boolean {
  if (expected.includes(answer.status)) return true;
  world.violation(
    `${what} answered ${answer.status}, not ${expected.join(" or ")}: ${answer.bytes.toString()}`,
  );
  return false;
}

/** Asks for the sandbox, and notes what the answer says. Gives the id that was told. */
export async function create(world: World, sandbox: KnownSandbox): Promise<string | undefined> {
  const { number, idempotencyKey, timeoutSec } = sandbox;
  const what = `create ${number}`;
  const beganMs = Date.now();
  const answer = await world.call("POST", "/v2/sandboxes", {
    body: {
      templateID: "base",
      timeout: timeoutSec,
      metadata: { number: String(number) },
      envVars: { NUMBER: String(number) },
    },
    headers: idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey },
  });
  if (!arrived(world, what, answer) || !expectStatus(world, what, answer, [201])) return undefined;
  const id = String(answer.json["sandboxID"]);
  if (sandbox.id !== "" && sandbox.id !== id) world.violation(`${what} gave ${id} beside ${sandbox.id}`);
  sandbox.id = id;
  sandbox.token = String(answer.json["envdAccessToken"]);
  if (sandbox.state === "unknown") sandbox.state = "running";
  sandbox.endsAtLeastMs = Math.max(sandbox.endsAtLeastMs, beganMs + timeoutSec * 1000);
  return id;
}

function wanted(world: World, operation: Operation, more: Partial<KnownSandbox> = {}): KnownSandbox {
  const sandbox: KnownSandbox = {
    number: operation.number,
    idempotencyKey: undefined,
    timeoutSec: longTimeoutSec,
    id: "",
    token: "",
    state: "unknown",
    killBegun: false,
    isShort: false,
    endsAtLeastMs: 0,
    isMoving: false,
    ...more,
  };
  world.sandboxes.push(sandbox);
  return sandbox;
}

const orKill =
  (run: Run): Run =>
  (world, operation) =>
    world.living.length >= maxLiving ? kill(1)(world, operation) : run(world, operation);

const kill =
  (times: number): Run =>
  async (world, operation) => {
    const sandbox = pickFrom(world.living, operation);
    if (!sandbox) return;
    sandbox.killBegun = true;
    const what = `kill of ${sandbox.number}`;
    const calls = Array.from({ length: times }, () => world.call("DELETE", `/sandboxes/${sandbox.id}`));
    const answers = (await Promise.all(calls)).filter((answer) => arrived(world, what, answer));
    for (const answer of answers) expectStatus(world, what, answer, times === 1 ? [204] : [204, 404]);
    if (answers.some(({ status }) => status === 204)) sandbox.state = "gone";
    else if (answers.length === times) world.violation(`${what}: nobody was told that it worked`);
  };

/** Moves the end of a sandbox; `exactly` may also shorten its life. */
const move =
  (path: (id: string) => [string, unknown], seconds: number, success: number, exactly: boolean): Run =>
  async (world, operation) => {
    const sandbox = pickFrom(
      world.living.filter(({ isMoving }) => !isMoving),
      operation,
    );
    if (!sandbox) return;
    sandbox.isMoving = true;
    const [url, body] = path(sandbox.id);
    const beforeMs = sandbox.endsAtLeastMs;
    const asked = Date.now() + seconds * 1000;
    if (exactly) sandbox.endsAtLeastMs = Math.min(beforeMs, asked);
    const answer = await world.call("POST", url, { body });
    sandbox.isMoving = false;
    if (!arrived(world, url, answer)) return;
    const expected = sandbox.killBegun ? [success, 404, 409] : [success];
    if (!expectStatus(world, url, answer, expected) || answer.status !== success) return;
    sandbox.endsAtLeastMs = exactly ? asked : Math.max(beforeMs, asked);
  };

async function get(world: World, operation: Operation): Promise<void> {
  const sandbox = pickFrom(world.living, operation);
  if (!sandbox) return;
  const what = `get of ${sandbox.number}`;
  const answer = await world.call("GET", `/sandboxes/${sandbox.id}`);
  if (arrived(world, what, answer)) expectStatus(world, what, answer, sandbox.killBegun ? [200, 404] : [200]);
}

async function list(world: World): Promise<void> {
  const before = world.living;
  const ids = await world.listIds();
  if (!arrived(world, "list", ids)) return;
  for (const { id, number, killBegun } of before) {
    if (!killBegun && !ids.includes(id)) world.violation(`the list lacks ${number}, which runs`);
  }
  if (new Set(ids).size < ids.length) world.violation("the list names a sandbox twice");
}

async function findByMetadata(world: World, operation: Operation): Promise<void> {
  const sandbox = pickFrom(world.living, operation);
  if (!sandbox) return;
  const ids = await world.listIds(`&metadata=number%3D${sandbox.number}`);
  if (!arrived(world, "list by metadata", ids) || sandbox.killBegun) return;
  if (ids.join() !== sandbox.id)
    world.violation(`${sandbox.number} is found as ${ids.join()}, not ${sandbox.id}`);
}

async function exec(world: World, operation: Operation): Promise<void> {
  const sandbox = pickFrom(world.living, operation);
  if (!sandbox) return;
  const result = await world.exec(sandbox, "echo $NUMBER");
  if (sandbox.killBegun || !arrived(world, `command in ${sandbox.number}`, result)) return;
  if (result.stdout === `${sandbox.number}\n`) return;
  world.violation(`the command in ${sandbox.number} gave ${JSON.stringify(result)}`);
}

const createOnce: Run = async (world, operation) => {
  const sandbox = wanted(world, operation, { idempotencyKey: `replay-${operation.number}` });
  // Every second one is asked for twice at a time.
  const times = operation.number % 2 === 0 ? 2 : 1;
  await Promise.all(Array.from({ length: times }, () => create(world, sandbox)));
};

export const sandboxOperations: Partial<Record<OperationKind, Run>> = {
  create: orKill(async (world, operation) => void (await create(world, wanted(world, operation)))),
  createOnce: orKill(createOnce),
  createShort: orKill(async (world, operation) => {
    const timeoutSec = 1 + Math.floor(operation.pick * 3);
    await create(world, wanted(world, operation, { timeoutSec, isShort: true }));
  }),
  kill: kill(1),
  killTwice: kill(2),
  connect: move((id) => [`/v2/sandboxes/${id}/connect`, { timeout: 1_200 }], 1_200, 200, false),
  setTimeout: move((id) => [`/sandboxes/${id}/timeout`, { timeout: 600 }], 600, 204, true),
  refresh: move((id) => [`/sandboxes/${id}/refreshes`, { duration: 1_800 }], 1_800, 204, false),
  get,
  list,
  findByMetadata,
  exec,
};
