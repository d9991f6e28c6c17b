import { type AppError, errorText } from "@sandbank/core/errors";
import type { Logger } from "@sandbank/core/logger";
import type { AuditLog } from "./audit.ts";
import type { EndReason, SandboxRecord } from "@sandbank/store/sandbox-record";
import type { Volume } from "@sandbank/store/volumes";

export type EventName =
  | "sandbox_created"
  | "sandbox_create_failed"
  | "sandbox_ended"
  | "sandbox_extended"
  | "orphan_killed"
  | "repair_failed"
  | "volume_created"
  | "volume_deleted"
  | "volume_repair_failed"
  | "unknown_volumes"
  | "node_watch_broken";

/** Business events: each counted and logged in one place. */
export class Events {
  readonly counts: Partial<Record<EventName, number>> = {};
  readonly #logger: Logger;
  readonly #audit: AuditLog | undefined;

  constructor(logger: Logger, audit?: AuditLog) {
    this.#logger = logger;
    this.#audit = audit;
  }

  sandboxCreated(record: SandboxRecord, durationMs: number): void {
    this.#count("sandbox_created");
    const { id: sandboxId, teamId, templateId, isolation, endAtMs } = record;
    this.#logger.info({ sandboxId, teamId, templateId, isolation, endAtMs, durationMs }, "sandbox created");
  }

  sandboxCreateFailed(sandboxId: string, error: AppError, undoFailures: string[]): void {
    this.#count("sandbox_create_failed");
    this.#logger.error(
      { sandboxId, reason: error.reason, error: errorText(error), undoFailures },
      "sandbox create failed",
    );
  }

  sandboxEnded(sandboxId: string, reason: EndReason, exitCode: number | undefined): void {
    this.#count("sandbox_ended");
    this.#logger.info({ sandboxId, reason, exitCode }, "sandbox ended");
    // Who asked for a kill is written down with the request.
    if (reason === "killed") return;
    this.#audit?.write({
      actor: { kind: reason === "timeout" ? "timeout" : "system" },
      action: "sandbox_ended",
      sandboxId,
      outcome: "done",
      detail: { reason, exitCode },
    });
  }

  sandboxExtended(sandboxId: string, endAtMs: number): void {
    this.#count("sandbox_extended");
    this.#logger.debug({ sandboxId, endAtMs }, "sandbox end moved");
  }

  /** A node ran a sandbox that the store does not know. */
  orphanKilled(sandboxId: string): void {
    this.#count("orphan_killed");
    this.#logger.warn({ sandboxId }, "unknown sandbox on the node killed");
    const actor = { kind: "system" } as const;
    this.#audit?.write({ actor, action: "orphan_killed", sandboxId, outcome: "done" });
  }

  /** One difference between store and node could not be repaired; the next round tries again. */
  repairFailed(sandboxId: string | undefined, error: unknown): void {
    this.#count("repair_failed");
    this.#logger.warn({ sandboxId, error: errorText(error) }, "store and node not brought together");
  }

  volumeCreated({ id: volumeId, teamId, name, sizeMib }: Volume): void {
    this.#count("volume_created");
    this.#logger.info({ volumeId, teamId, name, sizeMib }, "volume created");
  }

  volumeDeleted(volumeId: string): void {
    this.#count("volume_deleted");
    this.#logger.info({ volumeId }, "volume deleted");
  }

  /** Something half made or half removed is still there; the next round tries again. */
  volumeRepairFailed(volumeId: string | undefined, error: unknown): void {
    this.#count("volume_repair_failed");
    this.#logger.warn(
      { volumeId, error: errorText(error) },
      "store and node not brought together on a volume",
    );
  }

  /** The node has volumes that the store does not know. They stay. */
  unknownVolumes(volumeIds: string[]): void {
    this.#count("unknown_volumes");
    this.#logger.warn({ volumeIds }, "volumes on the node that the database does not know are left alone");
  }

  nodeWatchBroken(error: unknown): void {
    this.#count("node_watch_broken");
    this.#logger.warn({ error: errorText(error) }, "watching the node's events broke off");
  }

  #count(name: EventName): void {
    this.counts[name] = (this.counts[name] ?? 0) + 1;
  }
}
