export interface Summary {
  count: number;
  minMs: number;
  medianMs: number;
  p99Ms: number;
}

const round = (value: number): number => Math.round(value * 10) / 10;

/** Of at least one sample. */
export function summarize(samplesMs: number[]): Summary {
  const sorted = samplesMs.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN;
  return {
    count: sorted.length,
    minMs: round(sorted[0] ?? Number.NaN),
    medianMs: round(at(0.5)),
    p99Ms: round(at(0.99)),
  };
}

export const ratio = (ours: Summary, bare: Summary): number =>
  Math.round((ours.medianMs / bare.medianMs) * 100) / 100;
