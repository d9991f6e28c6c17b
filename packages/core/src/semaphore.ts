import { AppError } from "./errors.ts";

/** At most `permits` at a time; at most `maxWaiting` wait for their turn, in order, and the rest are refused. */
export class Semaphore {
  readonly #name: string;
  readonly #maxWaiting: number;
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(name: string, permits: number, maxWaiting: number) {
    this.#name = name;
    this.#free = permits;
    this.#maxWaiting = maxWaiting;
  }

  /** Rejects with `resource_exhausted` when too many wait already. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    await this.#acquire();
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }

  async #acquire(): Promise<void> {
    if (this.#free > 0) {
      this.#free--;
      return;
    }
    if (this.#waiting.length >= this.#maxWaiting) {
      throw new AppError({
        code: "resource_exhausted",
        reason: "sandbox_capacity_unavailable",
        message: `too many requests wait for ${this.#name} (${this.#maxWaiting})`,
      });
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}
