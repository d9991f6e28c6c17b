import { errorText } from "@sandbank/core/errors";
import type { NodeEgress } from "../egress/node-egress.ts";
import type { Observer } from "../observe/observer.ts";
import type { Slot } from "../network/slot.ts";
import type { SlotPool } from "../network/slot-pool.ts";
import type { OrchestratorOptions } from "../options.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Journal, SandboxRecord } from "./record.ts";
import { clearRemains } from "./remains.ts";
import type { SandboxRegistry } from "./registry.ts";
import type { VolumeManager } from "../volumes/volume-manager.ts";

export interface AdoptContext {
  options: OrchestratorOptions;
  slots: SlotPool;
  journal: Journal;
  volumes: VolumeManager;
  lifecycle: Lifecycle;
  registry: SandboxRegistry;
  observer: Observer;
  egress: NodeEgress;
}

/**
 * Compares the journal with what really runs, at start: living sandboxes are taken over, ended ones are recorded
 * with their exit code and cleared away, half-made ones are cleared away.
 */
export async function adoptSandboxes(context: AdoptContext): Promise<{ adopted: number; cleared: number }> {
  const counts = { adopted: 0, cleared: 0 };
  for (const { sandboxId, record } of await context.journal.list()) {
    try {
      if (record?.state === "running" && (await adopt(context, record))) counts.adopted++;
      else {
        await clearRemains({ ...context, drivers: context.options.drivers }, sandboxId, record);
        counts.cleared++;
      }
    } catch (error) {
      // One broken sandbox must not keep the node from serving the others; doctor shows what is left.
      context.options.logger.error({ sandboxId, error: errorText(error) }, "sandbox could not be taken over");
    }
  }
  return counts;
}

async function adopt(context: AdoptContext, record: SandboxRecord): Promise<boolean> {
  const driver = context.options.drivers.find((candidate) => candidate.name === record.driver);
  const runtime = await driver?.find(record.sandboxId, context.journal.workDir(record.sandboxId));
  if (!driver || !runtime?.isAlive()) return false;
  const slot = context.slots.adopt(record.slotIndex);
  await restoreEgress(context, record, slot);
  await holdVolumes(context, record);
  context.lifecycle.track({ record, runtime, driver, slot });
  const { logs } = context.observer;
  // First what it said while nobody listened.
  logs.collect(record.sandboxId);
  logs.write(record.sandboxId, "info", "sandbox was taken over by a new service process", {});
  return true;
}

/** Its rules have held all the time; the forwarder learns of them, and a change that was cut short is made whole. */
async function restoreEgress(
  { egress, options }: AdoptContext,
  { sandboxId, egress: policy }: SandboxRecord,
  slot: Slot,
): Promise<void> {
  try {
    await egress.apply({ sandboxId, slot }, policy);
  } catch (error) {
    // A sandbox with a broken network is still the user's: doctor shows what is wrong with it.
    options.logger.error({ sandboxId, error: errorText(error) }, "network rules could not be restored");
  }
}

/** A volume that can't be mounted any more is no reason to lose the sandbox, which has its own mount of it. */
async function holdVolumes({ volumes, options }: AdoptContext, record: SandboxRecord): Promise<void> {
  for (const volumeId of record.volumeIds ?? []) {
    try {
      await volumes.hold(volumeId, record.sandboxId);
    } catch (error) {
      const fields = { sandboxId: record.sandboxId, volumeId, error: errorText(error) };
      options.logger.error(fields, "volume of a sandbox that was taken over could not be mounted");
    }
  }
}
