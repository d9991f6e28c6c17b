import { mkdirSync } from "node:fs";
import { errorText } from "@sandbank/core/errors";
import type { Logger } from "@sandbank/core/logger";
import type { NodeSandbox, SandboxEnd, SandboxRegistry } from "../sandbox/registry.ts";
import { sweep } from "./retention.ts";
import { Sampler } from "./sampler.ts";
import { SandboxLogs } from "./sandbox-logs.ts";

export interface ObserveOptions {
  /** Logs and metrics, one folder per sandbox, also of ended ones. */
  dir: string;
  /** Log of one sandbox. */
  maxLogBytes: number;
  /** Everything that is kept of all sandboxes. */
  maxTotalBytes: number;
  /** How long it is kept after a sandbox's end. */
  retentionMs: number;
}

const sweepIntervalMs = 10 * 60_000;

/** What is kept about this node's sandboxes: their logs and their use of resources. */
export class Observer {
  readonly logs: SandboxLogs;
  readonly sampler: Sampler;
  readonly #options: ObserveOptions;
  readonly #logger: Logger;
  readonly #timer: NodeJS.Timeout;

  constructor(options: ObserveOptions, registry: SandboxRegistry, logger: Logger) {
    const { dir } = options;
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    this.#options = options;
    this.#logger = logger;
    this.logs = new SandboxLogs({ dir, maxBytes: options.maxLogBytes, logger });
    this.sampler = new Sampler({ dir, sandboxes: () => registry.list(), logger });
    this.#timer = setInterval(() => void this.sweep(), sweepIntervalMs).unref();
  }

  /** A sandbox runs: it has just become ready, or outlived an earlier process. */
  track(sandbox: NodeSandbox): void {
    this.logs.follow(sandbox.record.sandboxId, sandbox.runtime.consoleFile);
    this.sampler.begin(sandbox);
  }

  /** Call while the console's file is still there. */
  ended({ sandboxId, kind, exitCode }: Omit<SandboxEnd, "atMs">): void {
    this.logs.collect(sandboxId);
    this.logs.write(sandboxId, kind === "killed" ? "info" : "warn", "sandbox ended", { kind, exitCode });
    this.logs.end(sandboxId);
    this.sampler.forget(sandboxId);
  }

  async sweep(): Promise<void> {
    const { dir, retentionMs, maxTotalBytes } = this.#options;
    const isLive = (sandboxId: string): boolean => this.logs.isOpen(sandboxId);
    try {
      const count = await sweep({ dir, isLive, maxAgeMs: retentionMs, maxTotalBytes });
      if (count > 0) this.#logger.info({ count }, "logs and metrics of ended sandboxes removed");
    } catch (error) {
      this.#logger.warn({ error: errorText(error) }, "old logs could not be removed");
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.sampler.close();
    this.logs.close();
  }
}
