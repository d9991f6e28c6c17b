import { AppError, errorText, toAppError } from "@sandbank/core/errors";
import { PhaseTimer } from "@sandbank/core/phases";
import { UndoStack } from "@sandbank/core/undo";
import { fromEgressMessage } from "@sandbank/protocol/egress-message";
import { type EgressPolicy, isOpenPolicy, openPolicy } from "@sandbank/protocol/egress-policy";
import type { SandboxConfig } from "@sandbank/protocol/gen/node_pb";
import { hashToken } from "@sandbank/protocol/tokens";
import type { NodeEgress } from "../egress/node-egress.ts";
import type { NodeTransform } from "../egress/transform/node-transform.ts";
import type { GuestMount } from "@sandbank/runtime/contract";
import type { SlotPool } from "../network/slot-pool.ts";
import type { Slot } from "../network/slot.ts";
import type { OrchestratorOptions } from "../options.ts";
import type { VolumeManager } from "../volumes/volume-manager.ts";
import { type Build, BuildCatalog } from "./builds.ts";
import { guestEnvVars, guestSetup } from "./guest.ts";
import { defaultDeadlines } from "./deadlines.ts";
import { waitUntilReady } from "./readiness.ts";
import type { Journal, SandboxRecord } from "./record.ts";
import type { NodeSandbox } from "./registry.ts";
import { subjectOf } from "../doctor/walk.ts";

export interface CreateContext {
  options: OrchestratorOptions;
  slots: SlotPool;
  journal: Journal;
  volumes: VolumeManager;
  builds: BuildCatalog;
  resolvers: string[];
  egress: NodeEgress;
  transform: NodeTransform;
}

/**
 * Builds one sandbox step by step. Every step's way back goes on one stack: when a step fails, what was taken
 * is given back in reverse order, and the error says which step it was.
 */
export async function createSandbox(
  context: CreateContext,
  config: SandboxConfig,
  timer: PhaseTimer,
): Promise<NodeSandbox> {
  const { options, slots, journal } = context;
  const undo = new UndoStack();
  try {
    const build = await timer.measure("build", () => context.builds.load(config.buildId));
    const slot = await timer.measure("slot", () => takeSlot(context, config, undo));
    const record = newRecord(options, config, slot);
    const trusted = record.egress.rules.length > 0 ? await context.transform.guestTrust() : undefined;
    record.authority = trusted?.fingerprint;
    await timer.measure("journal", () => journal.create(record));
    undo.push("journal", () => journal.remove(record.sandboxId));
    const mounts = await timer.measure("volumes", () => holdVolumes(context, config, undo));
    const spec = sandboxSpec(context, config, build, slot);
    const runtime = await timer.measure("runtime", () =>
      options.driver.start({ ...spec, mounts: [...spec.mounts, ...mounts] }),
    );
    undo.push("runtime", () => runtime.destroy());
    await waitUntilReady({
      subject: subjectOf(options.identity, { record, runtime, driver: options.driver, slot }),
      timer,
      deadlines: options.deadlines ?? defaultDeadlines,
      init: {
        accessToken: config.envdAccessToken,
        envVars: guestEnvVars(config),
        trust: trusted?.trust,
        defaultUser: build.manifest.defaultUser,
        defaultWorkdir: build.manifest.defaultWorkdir,
      },
    });
    runtime.spareWhatRuns();
    record.state = "running";
    record.startedAtMs = Date.now();
    await timer.measure("record", () => journal.write(record));
    undo.commit();
    return { record, runtime, driver: options.driver, slot };
  } catch (error) {
    for (const failure of await undo.rollback()) {
      options.logger.error(
        { sandboxId: config.sandboxId, step: failure.step, error: errorText(failure.error) },
        "a step of a failed create could not be undone",
      );
    }
    throw withReason(error);
  } finally {
    slots.refill();
  }

  async function takeSlot(ctx: CreateContext, wanted: SandboxConfig, stack: UndoStack): Promise<Slot> {
    const slot = await slots.take();
    stack.push("slot", () => slots.release(slot));
    const { sandboxId, secrets } = wanted;
    if (secrets) {
      ctx.transform.vault.put(sandboxId, secrets);
      stack.push("secrets", () => ctx.transform.vault.drop(sandboxId));
    }
    const subject = { sandboxId, slot };
    stack.push("egress", () => ctx.egress.release(subject));
    const policy = egressOf(wanted);
    if (isOpenPolicy(policy)) return slot;
    await ctx.egress.check(policy);
    await ctx.egress.apply(subject, policy);
    return slot;
  }
}

const egressOf = ({ egress }: SandboxConfig): EgressPolicy =>
  egress ? fromEgressMessage(egress) : openPolicy;
/** Keeps the sandbox's volumes mounted on this node, and says where each is to be seen inside. */
async function holdVolumes(
  { volumes }: CreateContext,
  { sandboxId, volumeMounts }: SandboxConfig,
  undo: UndoStack,
): Promise<GuestMount[]> {
  undo.push("volumes", async () => volumes.release(sandboxId));
  const mounts: GuestMount[] = [];
  for (const { volumeId, path } of volumeMounts) {
    mounts.push({ source: await volumes.hold(volumeId, sandboxId), target: path, readonly: false });
  }
  return mounts;
}

function newRecord(options: OrchestratorOptions, config: SandboxConfig, slot: Slot): SandboxRecord {
  return {
    sandboxId: config.sandboxId,
    templateId: config.templateId,
    buildId: config.buildId,
    driver: options.driver.name,
    isolation: options.driver.isolation,
    slotIndex: slot.names.index,
    state: "starting",
    startedAtMs: Date.now(),
    cpuCount: config.cpuCount,
    memoryMib: config.memoryMib,
    diskMib: config.diskMib,
    egress: egressOf(config),
    volumeIds: config.volumeMounts.map(({ volumeId }) => volumeId),
    trafficTokenHash:
      config.trafficAccessToken === undefined ? undefined : hashToken(config.trafficAccessToken),
    maskRequestHost: config.maskRequestHost,
    httpsPorts: config.httpsPorts,
  };
}

function sandboxSpec(context: CreateContext, config: SandboxConfig, build: Build, slot: Slot) {
  const { options, journal, resolvers } = context;
  return {
    id: config.sandboxId,
    workDir: journal.workDir(config.sandboxId),
    layers: build.layers,
    limits: {
      cpuCount: config.cpuCount,
      memoryMib: config.memoryMib,
      diskMib: config.diskMib,
      pids: options.pidsLimit,
    },
    network: { netnsPath: slot.guestNetnsPath },
    ...guestSetup(config, options.envd, resolvers),
  };
}

/** Callers learn at least that it was the create that failed; a layer's own reason says more and stays. */
function withReason(error: unknown): AppError {
  const app = toAppError(error, "sandbox could not be created");
  if (app.reason !== undefined || app.code !== "internal") return app;
  return new AppError({
    code: app.code,
    reason: "sandbox_create_failed",
    message: app.message,
    detail: app.detail,
    cause: error,
  });
}
