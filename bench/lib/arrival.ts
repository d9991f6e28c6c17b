import { setTimeout as sleep } from "node:timers/promises";

/**
 * Sends at a constant rate whatever the answers do, and gives how long each took, ms, from the moment at which it was to
 * be sent: a server that stalls delays all those behind it, and they count. Timers add up to a millisecond.
 */
export async function atConstantRate(
  send: (index: number) => Promise<void>,
  { perSec, durationMs }: { perSec: number; durationMs: number },
): Promise<number[]> {
  const count = Math.round((perSec * durationMs) / 1000);
  const samples: number[] = [];
  const inFlight: Promise<void>[] = [];
  const startMs = performance.now();
  const one = async (index: number): Promise<void> => {
    await send(index);
    samples.push(performance.now() - (startMs + (index * 1000) / perSec));
  };
  for (let index = 0; index < count; index++) {
    // Timers fire up to a millisecond before their time.
    for (let waitMs = Infinity; ; await sleep(Math.ceil(waitMs))) {
      waitMs = startMs + (index * 1000) / perSec - performance.now();
      if (waitMs <= 0) break;
    }
    inFlight.push(one(index));
  }
  await Promise.all(inFlight);
  return samples;
}

/** Answers per second with so many requests always on their way. */
export async function saturated(
  send: (index: number) => Promise<void>,
  { connections, durationMs }: { connections: number; durationMs: number },
): Promise<number> {
  const startMs = performance.now();
  let count = 0;
  const worker = async (): Promise<void> => {
    while (performance.now() - startMs < durationMs) await send(count++);
  };
  await Promise.all(Array.from({ length: connections }, worker));
  return count / ((performance.now() - startMs) / 1000);
}
