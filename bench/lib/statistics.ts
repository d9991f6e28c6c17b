/** Figures of one series, in the unit of its samples. */
export interface Summary {
  count: number;
  min: number;
  median: number;
  p90: number;
  p99: number;
  max: number;
}

/** The value below which the share `q` (0 to 1) of the sorted samples lies, nearest rank. */
function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))] ?? Number.NaN;
}

export function summarize(samples: readonly number[]): Summary {
  const sorted = samples.toSorted((a, b) => a - b);
  return {
    count: sorted.length,
    min: quantile(sorted, 0),
    median: quantile(sorted, 0.5),
    p90: quantile(sorted, 0.9),
    p99: quantile(sorted, 0.99),
    max: quantile(sorted, 1),
  };
}

/** How long `work` takes, ms. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/**
 * Times the variants in turn, round after round, so that what else the machine does meets all of them alike.
 * Every second round goes in the opposite order. `after` follows every single one, untimed.
 */
export async function alternate<K extends string>(
  variants: Record<K, () => Promise<unknown>>,
  options: { rounds: number; warmup: number; after?: () => Promise<void> },
): Promise<Record<K, number[]>> {
  const names = Object.keys(variants) as K[];
  const samples = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<K, number[]>;
  for (let round = -options.warmup; round < options.rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const ms = await timed(variants[name]);
      if (round >= 0) samples[name].push(ms);
      await options.after?.();
    }
  }
  return samples;
}
