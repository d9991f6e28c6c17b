import { setTimeout as sleep } from "node:timers/promises";
import { AppError } from "./errors.ts";

/** A point in time (ms on the monotonic clock) that several waits share. */
export class Deadline {
  readonly #endMs: number;
  readonly totalMs: number;

  constructor(totalMs: number) {
    this.totalMs = totalMs;
    this.#endMs = performance.now() + totalMs;
  }

  get remainingMs(): number {
    return Math.max(0, this.#endMs - performance.now());
  }

  get passed(): boolean {
    return this.remainingMs === 0;
  }
}

export interface PollOptions {
  timeoutMs: number;
  /** Pause between two attempts; 2 unless told. */
  intervalMs?: number;
  signal?: AbortSignal | undefined;
}

/**
 * Calls `attempt` until it gives something other than undefined, and returns that.
 * Returns undefined when the time is over; errors of `attempt` pass through.
 */
export async function poll<T>(
  attempt: () => Promise<T | undefined> | T | undefined,
  options: PollOptions,
): Promise<T | undefined> {
  const deadline = new Deadline(options.timeoutMs);
  for (;;) {
    options.signal?.throwIfAborted();
    const result = await attempt();
    if (result !== undefined) return result;
    if (deadline.passed) return undefined;
    await sleep(Math.min(options.intervalMs ?? 2, deadline.remainingMs), undefined, {
      signal: options.signal,
    });
  }
}

/** Rejects with `deadline_exceeded` naming `what` when `work` takes longer than `timeoutMs`. */
export async function withTimeout<T>(
  what: string,
  timeoutMs: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const error = new AppError({
      code: "deadline_exceeded",
      message: `${what} did not finish within ${timeoutMs} ms`,
    });
    controller.abort(error);
    reject(error);
  }, timeoutMs);
  try {
    return await Promise.race([work(controller.signal), late]);
  } finally {
    clearTimeout(timer);
  }
}
