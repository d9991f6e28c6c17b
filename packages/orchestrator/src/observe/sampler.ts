import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { errorText } from "@sandbank/core/errors";
import { isSandboxId } from "@sandbank/core/ids";
import type { Logger } from "@sandbank/core/logger";
import type { Usage } from "@sandbank/runtime/contract";
import type { NodeSandbox } from "../sandbox/registry.ts";
import { type MetricSample, MetricsRing, readSamples, sampleIntervalMs } from "./metrics-ring.ts";

export interface SamplerOptions {
  /** One folder per sandbox below it. */
  dir: string;
  sandboxes: () => NodeSandbox[];
  logger: Logger;
}

interface Reading {
  atMs: number;
  usage: Usage;
}

interface Sampled {
  ring: MetricsRing;
  last: Reading | undefined;
  newest: MetricSample | undefined;
}

/** Readings without a pause. */
const roundBatch = 10;
const mib = 1024 * 1024;

/** The use between two readings as one sample. */
export function toSample(limits: { cpuCount: number; memoryMib: number }, before: Reading, now: Reading) {
  const elapsedUsec = (now.atMs - before.atMs) * 1000 * limits.cpuCount;
  const usedUsec = now.usage.cpuUsec - before.usage.cpuUsec;
  const pct = elapsedUsec > 0 ? (100 * usedUsec) / elapsedUsec : 0;
  return {
    atMs: now.atMs,
    cpuCount: limits.cpuCount,
    // Quotas are enforced by the period, so that a short while can have a little more than its share.
    cpuUsedPct: Math.min(100, Math.max(0, Math.round(pct * 100) / 100)),
    memoryUsed: Math.max(0, now.usage.memoryBytes - now.usage.cacheBytes),
    memoryTotal: limits.memoryMib * mib,
    memoryCache: now.usage.cacheBytes,
    diskUsed: now.usage.diskUsedBytes,
    diskTotal: now.usage.diskTotalBytes,
  };
}

/** Reads every sandbox's counters on the host at an interval and keeps what it read. */
export class Sampler {
  readonly #options: SamplerOptions;
  readonly #sampled = new Map<string, Sampled>();
  readonly #timer: NodeJS.Timeout;
  #inRound = false;

  constructor(options: SamplerOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#startRound(), sampleIntervalMs).unref();
  }

  /** Takes a reading; the first of a sandbox is what the next one is compared with. */
  begin(sandbox: NodeSandbox): void {
    try {
      this.#sample(sandbox);
    } catch (error) {
      const { sandboxId } = sandbox.record;
      this.#options.logger.warn({ sandboxId, error: errorText(error) }, "sandbox could not be measured");
    }
  }

  forget(sandboxId: string): void {
    this.#sampled.delete(sandboxId);
  }

  newest(sandboxId: string): MetricSample | undefined {
    return this.#sampled.get(sandboxId)?.newest;
  }

  /** Oldest first; empty when nothing is kept. */
  read(sandboxId: string, startMs: number, endMs: number): MetricSample[] {
    return readSamples(this.#dir(sandboxId), startMs, endMs);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** Never two at a time. */
  #startRound(): void {
    if (this.#inRound) return;
    this.#inRound = true;
    void this.#sampleAll().finally(() => {
      this.#inRound = false;
    });
  }

  /** A reading costs some 0.1 ms of calls that block: whatever else there is to do comes between them. */
  async #sampleAll(): Promise<void> {
    for (const [index, sandbox] of this.#options.sandboxes().entries()) {
      if (index % roundBatch === roundBatch - 1) await setImmediate();
      if (!sandbox.ending) this.begin(sandbox);
    }
  }

  #sample({ record, runtime }: NodeSandbox): void {
    const usage = runtime.usage();
    if (!usage) return;
    const { sandboxId } = record;
    const now = { atMs: Date.now(), usage };
    const sampled = this.#sampled.get(sandboxId) ?? this.#begin(sandboxId);
    if (sampled.last) {
      sampled.newest = toSample(record, sampled.last, now);
      sampled.ring.add(sampled.newest);
    }
    sampled.last = now;
  }

  #begin(sandboxId: string): Sampled {
    const sampled: Sampled = {
      ring: new MetricsRing(this.#dir(sandboxId)),
      last: undefined,
      newest: undefined,
    };
    this.#sampled.set(sandboxId, sampled);
    return sampled;
  }

  #dir(sandboxId: string): string {
    if (!isSandboxId(sandboxId)) throw new Error(`not a sandbox id: ${sandboxId}`);
    return join(this.#options.dir, sandboxId);
  }
}
