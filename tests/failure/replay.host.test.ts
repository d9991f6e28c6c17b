import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test, vi } from "vitest";
import { TestCloud } from "@sandbank/cli/testkit";
import { checkAgreement, type CloudInQuestion, kernelTraces, TracesExpected } from "./replay/agreement.ts";
import { type KillMoment, makePlan, type Operation } from "./replay/plan.ts";
import { sandboxOperations } from "./replay/sandbox-operations.ts";
import { KillableService } from "./replay/service.ts";
import { tenancyOperations } from "./replay/tenancy-operations.ts";
import { World } from "./replay/world.ts";
import { steady } from "./traces.ts";

/** Operations at a time. */
const workers = 5;

let cloud: TestCloud | undefined;
afterEach(() => cloud?.dispose());

/**
 * The same operations and kills in every run, so that a red one comes from what changed; another number in the environment
 * does others. When exactly a kill comes depends on the machine all the same.
 */
const seed = Number(process.env["SANDBANK_TEST_REPLAY_SEED"] ?? 7);

async function runOperation(world: World, operation: Operation): Promise<void> {
  const run = sandboxOperations[operation.kind] ?? tenancyOperations[operation.kind];
  await run?.(world, operation);
  world.count(operation.kind);
}

/** Does operations until the service is killed, or all are done. Gives how many it has begun. */
async function runUntilKilled(
  world: World,
  service: KillableService,
  operations: Operation[],
  kill: KillMoment | undefined,
): Promise<number> {
  let begun = 0;
  let killed: Promise<void> | undefined;
  const worker = async (): Promise<void> => {
    while (!world.isServiceKilled) {
      const operation = operations[begun];
      if (!operation) return;
      begun++;
      if (kill && operation.number >= kill.afterOperation) killed ??= killLater(world, service, kill.delayMs);
      await runOperation(world, operation);
    }
  };
  await Promise.all(Array.from({ length: workers }, worker));
  await killed;
  return begun;
}

async function killLater(world: World, service: KillableService, delayMs: number): Promise<void> {
  await sleep(delayMs);
  world.isServiceKilled = true;
  await service.kill();
}

/** What the kernel holds with no sandbox and with one. */
async function measureTraces(question: CloudInQuestion): Promise<TracesExpected> {
  const settled = () => steady(() => kernelTraces(question));
  const none = await settled();
  const created = await question.world.call("POST", "/v2/sandboxes", { body: { templateID: "base" } });
  const one = await settled();
  await question.world.call("DELETE", `/sandboxes/${String(created?.json["sandboxID"])}`);
  return new TracesExpected(none, one);
}

test.each([
  { isolation: "container", operationCount: 200, killCount: 10 },
  { isolation: "gvisor", operationCount: 80, killCount: 4 },
] as const)(
  `$isolation: $operationCount operations, $killCount kills of the service (seed ${seed})`,
  async ({ isolation, operationCount, killCount }) => {
    cloud = await TestCloud.create({ isolation });
    await cloud.up();
    const {
      E2B_API_URL: apiUrl = "",
      E2B_SANDBOX_URL: proxyUrl = "",
      E2B_API_KEY: apiKey = "",
    } = await cloud.environment();
    const world = new World({ apiUrl, proxyUrl, apiKey });
    const service = new KillableService(cloud);
    const question = { cloud, world, servicePid: () => service.pid };
    // From here on by a process that this test is the parent of.
    process.kill((await cloud.status())?.pid ?? Number.NaN, "SIGKILL");
    await service.start();
    const traces = await measureTraces(question);

    const { operations, kills } = makePlan(seed, operationCount, killCount);
    let done = 0;
    for (const kill of [...kills, undefined]) {
      done += await runUntilKilled(world, service, operations.slice(done), kill);
      if (world.isServiceKilled) {
        await service.start(kill?.nextDiesAfterMs);
        world.isServiceKilled = false;
      }
      await checkAgreement(question, traces);
      expect(world.violations, `after operation ${done} of seed ${seed}`).toEqual([]);
    }
    expect(done).toBe(operationCount);
    console.log(`replay in ${isolation}, seed ${seed}: ${JSON.stringify(world.counts)}`);
    await Promise.all(world.living.map(({ id }) => world.call("DELETE", `/sandboxes/${id}`)));
    await vi.waitFor(async () => expect(await world.listIds()).toEqual([]), 30_000);
    for (const sandbox of world.sandboxes) sandbox.state = "gone";
    await checkAgreement(question, traces);
    expect(world.violations).toEqual([]);
  },
  300_000,
);
