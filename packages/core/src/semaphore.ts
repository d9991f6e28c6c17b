import { AppError } from "./errors.ts";

export interface SemaphoreOptions {
  /** What is waited for, as it is said in errors. */
  name: string;
  permits: number;
  maxWaiting: number;
  maxWaitMs: number;
}

/** Seconds after which somebody who was refused may try again. */
const retryAfterSec = 2;

/** At most `permits` at a time; at most `maxWaiting` wait for their turn, in order and not for ever. */
export class Semaphore {
  readonly #options: SemaphoreOptions;
  readonly #waiting = new Set<() => void>();
  #free: number;

  constructor(options: SemaphoreOptions) {
    this.#options = options;
    this.#free = options.permits;
  }

  /** Rejects with `resource_exhausted` when too many wait already, with `unavailable` when its turn did not come in time. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    await this.#acquire();
    try {
      return await work();
    } finally {
      const [next] = this.#waiting;
      if (next) next();
      else this.#free++;
    }
  }

  async #acquire(): Promise<void> {
    if (this.#free > 0) {
      this.#free--;
      return;
    }
    const { name, maxWaiting, maxWaitMs, permits } = this.#options;
    if (this.#waiting.size >= maxWaiting) {
      throw new AppError({
        code: "resource_exhausted",
        reason: "sandbox_capacity_unavailable",
        message: `too many requests wait for ${name} (${maxWaiting})`,
        retryAfterSec,
      });
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const admit = (): void => {
      this.#waiting.delete(admit);
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(() => {
      this.#waiting.delete(admit);
      reject(
        new AppError({
          code: "unavailable",
          reason: "sandbox_placement_timeout",
          message: `waited ${maxWaitMs / 1000} s for ${name} (${permits} at a time)`,
          retryAfterSec,
        }),
      );
    }, maxWaitMs);
    this.#waiting.add(admit);
    await promise;
  }
}
