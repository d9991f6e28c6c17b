import { setTimeout as sleep } from "node:timers/promises";
import type { ControlPlane } from "../control-plane.ts";
import type { NodeEnd } from "../ports.ts";
import { recordEnd } from "../use-cases/end-sandbox.ts";

const reconnectMs = 1_000;

/** Records the ends that the node reports, and connects again when the stream breaks. */
export class NodeWatcher {
  readonly #plane: ControlPlane;
  readonly #abort = new AbortController();
  /** Ends being recorded. Not one after the other: each waits for its sandbox's lock, and some are held for long. */
  readonly #recording = new Set<Promise<void>>();
  #loop: Promise<void> | undefined;

  constructor(plane: ControlPlane) {
    this.#plane = plane;
  }

  start(): void {
    this.#loop ??= this.#watch();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#loop;
    await Promise.all(this.#recording);
  }

  async #watch(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      await this.#followStream(signal);
      // Ends missed meanwhile are found by the reconciler.
      if (!signal.aborted) await sleep(reconnectMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async #followStream(signal: AbortSignal): Promise<void> {
    try {
      for await (const end of this.#plane.node.watchEnds(signal)) {
        this.#record(end);
      }
    } catch (error) {
      if (!signal.aborted) this.#plane.events.nodeWatchBroken(error);
    }
  }

  #record(end: NodeEnd): void {
    const work = recordEnd(this.#plane, end)
      .catch((error: unknown) => this.#plane.events.repairFailed(end.sandboxId, error))
      .finally(() => this.#recording.delete(work));
    this.#recording.add(work);
  }
}
