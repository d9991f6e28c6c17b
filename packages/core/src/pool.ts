import { errorText } from "./errors.ts";
import type { Logger } from "./logger.ts";

export interface PoolOptions<T> {
  name: string;
  /** How many ready items to keep. */
  size: number;
  make: () => Promise<T>;
  discard: (item: T) => Promise<void>;
  logger: Logger;
}

/**
 * Keeps up to `size` items ready. `take` gives a ready one, or makes one when the pool is empty.
 * `refill` is the taker's to call, once its own work is done: making an item must not slow down what it was taken for.
 */
export class Pool<T> {
  readonly #options: PoolOptions<T>;
  readonly #ready: T[] = [];
  #refill: Promise<void> | undefined;
  #closed = false;

  constructor(options: PoolOptions<T>) {
    this.#options = options;
  }

  get readyCount(): number {
    return this.#ready.length;
  }

  /** Fills the pool; rejects when an item can't be made. */
  async fill(): Promise<void> {
    while (!this.#closed && this.#ready.length < this.#options.size) {
      const item = await this.#options.make();
      // close() may have run while the item was made.
      if (this.#closed) await this.#options.discard(item);
      else this.#ready.push(item);
    }
  }

  async take(): Promise<T> {
    if (this.#closed) throw new Error(`pool ${this.#options.name} is closed`);
    return this.#ready.shift() ?? this.#options.make();
  }

  /** Discards what is ready, and makes others in the background: for when something that they were made with has changed. */
  async renew(): Promise<void> {
    for (const item of this.#ready.splice(0)) await this.#options.discard(item);
    this.refill();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#refill;
    for (const item of this.#ready.splice(0)) await this.#options.discard(item);
  }

  /** Fills the pool in the background, one item at a time; a failure is logged and leaves it to the next call. */
  refill(): void {
    if (this.#closed || this.#refill) return;
    this.#refill = this.fill()
      .catch((error: unknown) => {
        this.#options.logger.error(
          { pool: this.#options.name, error: errorText(error) },
          "pool refill failed",
        );
      })
      .finally(() => {
        this.#refill = undefined;
      });
  }
}
