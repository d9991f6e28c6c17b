import { errorText } from "@sandbank/core/errors";
import type { Logger } from "@sandbank/core/logger";
import type { NetworkIdentity } from "../network/addresses.ts";
import type { SandboxLogs } from "../observe/sandbox-logs.ts";
import type { NodeSandbox, SandboxRegistry } from "../sandbox/registry.ts";
import { checkEnvd } from "./envd-checks.ts";
import { subjectOf, walkLayers } from "./walk.ts";

export interface HealthWatchOptions {
  identity: NetworkIdentity;
  registry: SandboxRegistry;
  logs: SandboxLogs;
  logger: Logger;
  /** Every sandbox is asked for its health so often, spread evenly; once a minute unless told. */
  roundMs?: number | undefined;
}

const defaultRoundMs = 60_000;
/** A sandbox that clients fail to reach is examined at most so often (ms). */
const quietMs = 5_000;

/** Notices sandboxes that stop answering, and says once, in the sandbox's own log, at which layer and why. */
export class HealthWatch {
  readonly #options: HealthWatchOptions;
  /** When each one that is ill or was suspected was looked at last, on the monotonic clock. */
  readonly #examinedAtMs = new Map<string, number>();
  readonly #ill = new Set<string>();
  readonly #stopListening: () => void;
  #timer: NodeJS.Timeout;
  #next = 0;

  constructor(options: HealthWatchOptions) {
    this.#options = options;
    this.#timer = this.#schedule();
    this.#stopListening = options.registry.onGone((sandboxId) => {
      this.#examinedAtMs.delete(sandboxId);
      this.#ill.delete(sandboxId);
    });
  }

  /** Call when a request to it failed on the way. */
  notice(sandboxId: string): void {
    const sandbox = this.#options.registry.get(sandboxId);
    const now = performance.now();
    const last = this.#examinedAtMs.get(sandboxId) ?? Number.NEGATIVE_INFINITY;
    if (!sandbox || now - last < quietMs) return;
    this.#examinedAtMs.set(sandboxId, now);
    void this.#examine(sandbox);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#stopListening();
  }

  #schedule(): NodeJS.Timeout {
    const count = this.#options.registry.list().length;
    const { roundMs = defaultRoundMs } = this.#options;
    const timer = setTimeout(() => void this.#askNext(), roundMs / Math.max(1, count));
    return timer.unref();
  }

  /** One at a time: a node with many sandboxes is not to be busy with asking. */
  async #askNext(): Promise<void> {
    const sandboxes = this.#options.registry.list().filter((sandbox) => !sandbox.ending);
    this.#next = (this.#next + 1) % Math.max(1, sandboxes.length);
    const sandbox = sandboxes[this.#next];
    this.#timer = this.#schedule();
    if (!sandbox) return;
    const { ok } = await checkEnvd(sandbox.slot.names.hostAddress);
    if (!ok || this.#ill.has(sandbox.record.sandboxId)) this.notice(sandbox.record.sandboxId);
  }

  async #examine(ill: NodeSandbox): Promise<void> {
    const { identity, registry, logs, logger } = this.#options;
    const { sandboxId } = ill.record;
    try {
      const { verdict, layer, evidence, meaning, remedy } = await walkLayers(
        subjectOf(identity, ill),
        "envd",
      );
      const sandbox = registry.get(sandboxId);
      if (!sandbox || sandbox.ending) return;
      const wasIll = this.#ill.has(sandboxId);
      if (verdict === "broken" && !wasIll) {
        this.#ill.add(sandboxId);
        const fields = { verdict, layer, evidence, meaning, remedy };
        logs.write(sandboxId, "error", "sandbox does not answer", fields);
        logger.warn({ sandboxId, ...fields }, "sandbox does not answer");
      } else if (verdict !== "broken" && wasIll) {
        this.#ill.delete(sandboxId);
        logs.write(sandboxId, "info", "sandbox answers again", {});
        logger.info({ sandboxId }, "sandbox answers again");
      }
    } catch (error) {
      logger.warn({ sandboxId, error: errorText(error) }, "sandbox could not be examined");
    }
  }
}
