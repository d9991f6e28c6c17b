import { AppError, type ErrorCode, errorText, toAppError } from "@sandbank/core/errors";
import { newSandboxId } from "@sandbank/core/ids";
import { UndoStack } from "@sandbank/core/undo";
import type { EgressPolicy } from "@sandbank/protocol/egress-policy";
import type { IdempotencyClaim } from "@sandbank/store/reservation";
import type { SandboxRecord } from "@sandbank/store/sandbox-record";
import type { Team } from "@sandbank/store/teams";
import { type ControlPlane, hasPrivateTraffic, limitsOf, publish } from "../control-plane.ts";
import { ingressOf } from "./ingress.ts";
import type { NewSandbox } from "./new-sandbox.ts";
import { resolveTemplate } from "./resolve-template.ts";
import { checkReferences, secretsFor } from "./sandbox-secrets.ts";
import { requestInProgress } from "./sandbox-errors.ts";
import { teamLimitReached } from "./team-limits.ts";
import { checkedTimeoutMs, endFrom } from "./timeouts.ts";
import { invalidMounts, resolveVolumeMounts } from "./volume-mounts.ts";

/** Classes of a node's failure that a client can act on; any other is the service's own fault. */
const passedOn: ErrorCode[] = ["invalid_argument", "resource_exhausted", "unavailable", "deadline_exceeded"];

function createFailure(error: unknown): AppError {
  const app = toAppError(error);
  return new AppError({
    code: passedOn.includes(app.code) ? app.code : "internal",
    message: `The sandbox could not be started: ${app.message}`,
    reason: app.reason ?? "sandbox_create_failed",
    detail: app.detail,
    cause: error,
  });
}

async function plan(plane: ControlPlane, team: Team, wanted: NewSandbox): Promise<SandboxRecord> {
  const timeoutMs = checkedTimeoutMs(wanted.timeoutSec, limitsOf(plane, team));
  await plane.nodes.assertPlacement();
  await checkReferences(plane, team.id, wanted.network);
  const { template, build, alias } = await resolveTemplate(plane.store.templates, team, wanted.template);
  const volumeMounts = await resolveVolumeMounts(plane, team, wanted.volumeMounts);
  const nowMs = Date.now();
  return {
    id: newSandboxId(),
    teamId: team.id,
    templateId: template.id,
    buildId: build.id,
    alias,
    state: "creating",
    createdAtMs: nowMs,
    startedAtMs: nowMs,
    endAtMs: nowMs + timeoutMs,
    timeoutMs,
    cpuCount: build.cpuCount,
    memoryMib: build.memoryMib,
    diskMib: build.diskMib,
    envdVersion: build.envdVersion,
    metadata: wanted.metadata,
    envVars: wanted.envVars,
    secure: wanted.secure,
    allowInternetAccess: wanted.allowInternetAccess,
    network: wanted.network,
    volumeMounts,
    autoPause: false,
    autoResume: false,
    isolation: undefined,
    driver: undefined,
    nodeId: undefined,
    hostAddress: undefined,
    endReason: undefined,
    exitCode: undefined,
    endedAtMs: undefined,
  };
}

async function reserve(
  plane: ControlPlane,
  team: Team,
  record: SandboxRecord,
  claim: IdempotencyClaim | undefined,
): Promise<void> {
  const reservation = await plane.store.sandboxes.reserve(record, limitsOf(plane, team), claim);
  if (reservation.outcome === "exceeded") throw teamLimitReached(team, reservation);
  if (reservation.outcome === "volume gone") {
    throw invalidMounts([`volume '${reservation.name}' not found`]);
  }
  if (reservation.outcome === "claimed") throw requestInProgress();
}

async function startOnNode(
  plane: ControlPlane,
  team: Team,
  record: SandboxRecord,
  egress: EgressPolicy,
): Promise<SandboxRecord> {
  const { nodeId } = await plane.node.info();
  const sandbox = await plane.node.create({
    sandboxId: record.id,
    templateId: record.templateId,
    buildId: record.buildId,
    cpuCount: record.cpuCount,
    memoryMib: record.memoryMib,
    diskMib: record.diskMib,
    envVars: record.envVars,
    envdAccessToken: record.secure ? plane.tokens.envd(record.id) : undefined,
    trafficAccessToken: hasPrivateTraffic(record) ? plane.tokens.traffic(record.id) : undefined,
    egress,
    ...ingressOf(record.network),
    secrets: await secretsFor(plane, team.id, record.network),
    volumeMounts: record.volumeMounts.map(({ volumeId, path }) => ({ volumeId, path })),
  });
  await plane.store.templates.recordSpawn(record.templateId, Date.now());
  const { isolation, driver, hostAddress } = sandbox;
  // Its time counts from the moment it is usable.
  const startedAtMs = Date.now();
  const endAtMs = endFrom(startedAtMs, startedAtMs, record.timeoutMs, limitsOf(plane, team));
  const started = { startedAtMs, endAtMs, isolation, driver, nodeId, hostAddress };
  if (!(await plane.store.sandboxes.transition(record.id, "creating", "running", started))) {
    throw new AppError({ code: "conflict", message: "it was ended while it started" });
  }
  return { ...record, state: "running", ...started };
}

async function start(
  plane: ControlPlane,
  team: Team,
  record: SandboxRecord,
  egress: EgressPolicy,
  claim: IdempotencyClaim | undefined,
): Promise<SandboxRecord> {
  await reserve(plane, team, record, claim);
  const undo = new UndoStack();
  try {
    undo.push("record", () => plane.store.sandboxes.forget(record.id));
    undo.push("node", () => plane.node.kill(record.id));
    const running = await startOnNode(plane, team, record, egress).catch((error: unknown) => {
      throw createFailure(error);
    });
    publish(plane, running);
    undo.commit();
    return running;
  } catch (error) {
    const failures = await undo.rollback();
    const undone = failures.map((failure) => `${failure.step}: ${errorText(failure.error)}`);
    const app = toAppError(error);
    if (app.reason) plane.events.sandboxCreateFailed(record.id, app, undone);
    throw app;
  }
}

/**
 * Starts a sandbox and records it; when it returns, the sandbox's daemon answers. On failure nothing is left, in the
 * store or on the node. Rejects with `not_found` (template), `invalid_argument` (timeout), `resource_exhausted` (quota),
 * the reason `idempotency_in_progress` when another request holds the claim's key, or the failing layer as reason.
 */
export async function createSandbox(
  plane: ControlPlane,
  team: Team,
  wanted: NewSandbox,
  claim?: IdempotencyClaim,
): Promise<SandboxRecord> {
  const beganMs = performance.now();
  const record = await plan(plane, team, wanted);
  const work = plane.locks.run(record.id, () => start(plane, team, record, wanted.egress, claim));
  plane.creating.set(record.id, work);
  try {
    const running = await work;
    plane.events.sandboxCreated(running, Math.round(performance.now() - beganMs));
    return running;
  } finally {
    plane.creating.delete(record.id);
  }
}
