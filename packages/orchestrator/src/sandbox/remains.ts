import type { RuntimeDriver } from "@sandbank/runtime/contract";
import { type NetworkIdentity, slotNames } from "../network/addresses.ts";
import { destroyParts } from "../network/slot.ts";
import type { Observer } from "../observe/observer.ts";
import type { Journal, SandboxRecord } from "./record.ts";
import type { SandboxRegistry } from "./registry.ts";

export interface RemainsContext {
  drivers: RuntimeDriver[];
  journal: Journal;
  registry: SandboxRegistry;
  observer: Observer;
}

/** Takes away what is left of a sandbox that no longer runs, apart from its slot, and records its end. */
export async function clearRemains(
  { drivers, journal, registry, observer }: RemainsContext,
  sandboxId: string,
  record: SandboxRecord | undefined,
): Promise<void> {
  let exitCode: number | undefined;
  // Without a readable record any of the drivers may have begun to start it.
  for (const driver of record ? drivers.filter(({ name }) => name === record.driver) : drivers) {
    const runtime = await driver.find(sandboxId, journal.workDir(sandboxId));
    if (!runtime) continue;
    if (record?.state === "running") observer.logs.follow(sandboxId, runtime.consoleFile);
    if (!runtime.isAlive()) exitCode = (await runtime.exited).exitCode;
    await runtime.destroy();
    observer.logs.collect(sandboxId);
  }
  await journal.remove(sandboxId);
  if (record?.state !== "running") return;
  const kind = exitCode === undefined ? "lost" : "exited";
  observer.ended({ sandboxId, kind, exitCode });
  registry.remove({ sandboxId, atMs: Date.now(), kind, exitCode });
}

/** The same with its slot: for one sandbox alone, when nobody runs it. */
export async function clearWithSlot(
  context: RemainsContext,
  identity: NetworkIdentity,
  sandboxId: string,
): Promise<void> {
  const record = (await context.journal.list()).find((entry) => entry.sandboxId === sandboxId)?.record;
  await clearRemains(context, sandboxId, record);
  if (!record) return;
  const { hostDevice, routerNetns, guestNetns } = slotNames(identity, record.slotIndex);
  await destroyParts([hostDevice], [routerNetns, guestNetns]);
}
