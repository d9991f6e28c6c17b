import { setTimeout as sleep } from "node:timers/promises";
import type { ControlPlane } from "../control-plane.ts";
import { recordEnd } from "../use-cases/end-sandbox.ts";

const reconnectMs = 1_000;

/** Records the ends that the node reports, and connects again when the stream breaks. */
export class NodeWatcher {
  readonly #plane: ControlPlane;
  readonly #abort = new AbortController();
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
        void recordEnd(this.#plane, end).catch((error: unknown) => {
          this.#plane.events.repairFailed(end.sandboxId, error);
        });
      }
    } catch (error) {
      if (!signal.aborted) this.#plane.events.nodeWatchBroken(error);
    }
  }
}
