export interface Phase {
  name: string;
  durationMs: number;
}

/** Times the steps of one operation, for its log event and its answer. */
export class PhaseTimer {
  readonly phases: Phase[] = [];

  async measure<T>(name: string, work: () => Promise<T>): Promise<T> {
    const start = performance.now();
    try {
      return await work();
    } finally {
      this.phases.push({ name, durationMs: Math.round((performance.now() - start) * 100) / 100 });
    }
  }

  /** As fields of a log event: `{slot: 0.1, runtime: 52.3}` in ms. */
  toFields(): Record<string, number> {
    return Object.fromEntries(this.phases.map((phase) => [phase.name, phase.durationMs]));
  }
}
