import type { ControlPlane } from "../control-plane.ts";
import { endOverdue } from "../use-cases/end-sandbox.ts";

/** A sandbox whose end failed stays known until the node answers again; tried at this pace. */
const retryMs = 1_000;
/** Timers follow a clock of their own: looking again this often notices when the wall clock is set or the host slept. */
const maxDelayMs = 1_000;

/** Ends sandboxes when their time is over: one timer, set for the earliest end. */
export class Evictor {
  readonly #plane: ControlPlane;
  readonly #ending = new Map<string, Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #nextMs = Number.POSITIVE_INFINITY;
  #unsubscribe: (() => void) | undefined;

  constructor(plane: ControlPlane) {
    this.#plane = plane;
  }

  start(): void {
    this.#unsubscribe = this.#plane.running.onChange((sandbox) => this.#wakeAt(sandbox.endAtMs));
    this.#evict();
  }

  /** Resolves when the ends that have begun are recorded. */
  async stop(): Promise<void> {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    clearTimeout(this.#timer);
    await Promise.all(this.#ending.values());
  }

  #wakeAt(atMs: number): void {
    // A later wake-up than the one that is set needs nothing: each one looks for the next.
    if (!this.#unsubscribe || atMs >= this.#nextMs) return;
    clearTimeout(this.#timer);
    this.#nextMs = atMs;
    const delayMs = Math.min(Math.max(0, atMs - Date.now()), maxDelayMs);
    this.#timer = setTimeout(() => this.#evict(), delayMs);
  }

  #evict(): void {
    const nowMs = Date.now();
    this.#nextMs = Number.POSITIVE_INFINITY;
    let nextMs = Number.POSITIVE_INFINITY;
    for (const { route, endAtMs } of this.#plane.running.list()) {
      if (this.#ending.has(route.sandboxId)) continue;
      if (endAtMs > nowMs) nextMs = Math.min(nextMs, endAtMs);
      else this.#ending.set(route.sandboxId, this.#end(route.sandboxId));
    }
    if (Number.isFinite(nextMs)) this.#wakeAt(nextMs);
  }

  async #end(sandboxId: string): Promise<void> {
    try {
      await endOverdue(this.#plane, sandboxId);
    } catch (error) {
      this.#plane.events.repairFailed(sandboxId, error);
    } finally {
      this.#ending.delete(sandboxId);
    }
    // Still running: its end was moved meanwhile, or could not even be begun.
    const left = this.#plane.running.get(sandboxId);
    if (left) this.#wakeAt(Math.max(left.endAtMs, Date.now() + (left.endAtMs > Date.now() ? 0 : retryMs)));
  }
}
