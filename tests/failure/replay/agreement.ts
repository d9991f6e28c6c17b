import { readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { expect, vi } from "vitest";
import type { TestCloud } from "@sandbank/cli/testkit";
import { openStore } from "@sandbank/store/store";
import { countTraces, type Traces } from "../traces.ts";
import { create } from "./sandbox-operations.ts";
import { checkTenancy } from "./tenancy-operations.ts";
import type { KnownSandbox, World } from "./world.ts";

/** What a difference may take to be repaired. */
const settleMs = 20_000;
/** How late a sandbox may be gone whose time is over, on a machine that has just started a service and is busy. */
const evictionMs = 3_000;

/** What the kernel holds of a cloud, apart from the service's own descriptors, which differ from process to process. */
export type KernelTraces = Omit<Traces, "files" | "sockets">;

export interface CloudInQuestion {
  cloud: TestCloud;
  world: World;
  servicePid: () => number;
}

export async function kernelTraces({ cloud, servicePid }: CloudInQuestion): Promise<KernelTraces> {
  const { files: _, sockets: __, ...kernel } = await countTraces(cloud, servicePid());
  return kernel;
}

/** Ids of sandboxes that the runtimes still keep something of: leases of ids, exit codes, folders of their own. */
async function idsInRuntimeFiles(cloud: TestCloud): Promise<string[]> {
  const dir = join(cloud.settings["SANDBANK_RUN_DIR"] ?? "", "runtime");
  const ids = new Set<string>();
  for (const part of await readdir(dir)) {
    for (const entry of await readdir(join(dir, part), { withFileTypes: true })) {
      const holder = entry.isSymbolicLink() ? await readlink(join(dir, part, entry.name)) : "";
      for (const [id] of `${entry.name} ${holder}`.matchAll(/\bi[a-z0-9]{20}\b/g)) ids.add(id);
    }
  }
  return [...ids].toSorted();
}

/** With `none` and with `one` sandbox, measured beforehand: what any number of them should leave in the kernel. */
export class TracesExpected {
  readonly #none: KernelTraces;
  readonly #one: KernelTraces;

  constructor(none: KernelTraces, one: KernelTraces) {
    this.#none = none;
    this.#one = one;
  }

  of(sandboxes: number): Record<string, number> {
    const one: Record<string, number> = { ...this.#one };
    const entries = Object.entries(this.#none).map(([name, none]): [string, number] => [
      name,
      none + sandboxes * ((one[name] ?? none) - none),
    ]);
    return Object.fromEntries(entries);
  }
}

/** Nothing is under way: client's knowledge, store, node's journal and kernel must say the same. */
export async function checkAgreement(question: CloudInQuestion, traces: TracesExpected): Promise<void> {
  const { world } = question;
  await settleUnknown(world);
  const ids = await vi.waitFor(() => agreedIds(question), { timeout: settleMs, interval: 100 });
  const running = world.sandboxes.filter(({ state }) => state === "running");
  for (const { id, number, isShort, endsAtLeastMs } of running) {
    if (!isShort && !ids.includes(id))
      world.violation(`${number} (${id}) runs, its client was told; it does not`);
    if (isShort && ids.includes(id) && Date.now() > endsAtLeastMs + evictionMs) {
      world.violation(`${number} (${id}) still runs ${Date.now() - endsAtLeastMs} ms after its end`);
    }
  }
  for (const id of ids) {
    if (!running.some((sandbox) => sandbox.id === id)) world.violation(`${id} runs, nobody knows why`);
  }
  await Promise.all(running.filter(({ isShort }) => !isShort).map((sandbox) => checkAlive(world, sandbox)));
  await Promise.all(world.sandboxes.map((sandbox) => checkGone(world, sandbox)));
  await checkTenancy(world);
  await vi.waitFor(
    async () => {
      const left = await agreedIds(question);
      expect(await kernelTraces(question)).toEqual(traces.of(left.length));
      expect(await idsInRuntimeFiles(question.cloud)).toEqual(left);
    },
    { timeout: 2 * settleMs, interval: 200 },
  );
}

/** Ids that API, store, node and journal agree on. */
async function agreedIds({ cloud, world }: CloudInQuestion): Promise<string[]> {
  const stateDir = cloud.settings["SANDBANK_STATE_DIR"] ?? "";
  const ids = (await world.listIds())?.toSorted();
  const store = await openStore({ path: join(stateDir, "sandbank.db") });
  try {
    const records = await store.sandboxes.inStates(["creating", "running", "killing"]);
    expect(records.filter(({ state }) => state !== "running")).toEqual([]);
    expect(records.map(({ id }) => id).toSorted()).toEqual(ids);
  } finally {
    await store.close();
  }
  const onNode = await cloud.sandboxes();
  expect(onNode.map(({ sandboxID }) => sandboxID).toSorted()).toEqual(ids);
  expect(onNode.filter(({ state }) => state !== "running")).toEqual([]);
  expect((await readdir(join(stateDir, "sandboxes"))).toSorted()).toEqual(ids);
  return ids ?? [];
}

/** Finds out what became of requests whose answers were lost, as a client would. */
async function settleUnknown(world: World): Promise<void> {
  const listed = new Set(await world.listIds());
  for (const sandbox of world.sandboxes) {
    if (sandbox.state === "running" && sandbox.killBegun) {
      sandbox.killBegun = false;
      if (!listed.has(sandbox.id)) sandbox.state = "gone";
    }
    const isKeyed = sandbox.idempotencyKey !== undefined;
    // Also those that were answered: the answer must stay the same.
    if (isKeyed && sandbox.state !== "gone") await repeatUntilAnswered(world, sandbox);
    if (!isKeyed && sandbox.state === "unknown") await lookFor(world, sandbox);
  }
}

async function repeatUntilAnswered(world: World, sandbox: KnownSandbox): Promise<void> {
  const { endsAtLeastMs } = sandbox;
  await vi.waitFor(async () => expect(await create(world, sandbox)).toBeDefined(), settleMs);
  // A repeat gives the first answer again and promises nothing new.
  if (endsAtLeastMs > 0) sandbox.endsAtLeastMs = endsAtLeastMs;
}

async function lookFor(world: World, sandbox: KnownSandbox): Promise<void> {
  const ids = await world.listIds(`&metadata=number%3D${sandbox.number}`);
  sandbox.state = "gone";
  const [id, ...more] = ids ?? [];
  if (more.length > 0) world.violation(`create ${sandbox.number} made ${ids?.join()}`);
  if (id === undefined) return;
  const answer = await world.call("POST", `/v2/sandboxes/${id}/connect`, { body: { timeout: 0 } });
  // A short one may end in between.
  if (answer?.status !== 200) return;
  Object.assign(sandbox, { id, token: String(answer.json["envdAccessToken"]), state: "running" });
  // Nobody was promised a time; one that is to end soon has no later end than this.
  sandbox.endsAtLeastMs = sandbox.isShort ? Date.now() + sandbox.timeoutSec * 1000 : 0;
}

async function checkAlive(world: World, sandbox: KnownSandbox): Promise<void> {
  const result = await world.exec(sandbox, "echo $NUMBER");
  if (result?.stdout !== `${sandbox.number}\n`) {
    world.violation(`${sandbox.number} (${sandbox.id}) runs, but a command gave ${JSON.stringify(result)}`);
  }
  const answer = await world.call("GET", `/sandboxes/${sandbox.id}`);
  const endsAtMs = Date.parse(String(answer?.json["endAt"]));
  if (!(endsAtMs >= sandbox.endsAtLeastMs)) {
    const early = `${sandbox.endsAtLeastMs - endsAtMs} ms before what its client was promised`;
    world.violation(`${sandbox.number} (${sandbox.id}) ends ${early}`);
  }
}

async function checkGone(world: World, sandbox: KnownSandbox): Promise<void> {
  if (sandbox.state !== "gone" || sandbox.id === "") return;
  const answer = await world.call("GET", `/sandboxes/${sandbox.id}`);
  if (answer?.status !== 404)
    world.violation(`${sandbox.number} (${sandbox.id}) is gone, get: ${answer?.status}`);
  const result = await world.exec(sandbox, "true");
  if (result?.status !== 502) {
    world.violation(`${sandbox.number} (${sandbox.id}) is gone, command: ${JSON.stringify(result)}`);
  }
}
