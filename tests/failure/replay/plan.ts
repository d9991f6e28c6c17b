/** What one run of the replay does, all of it from one number. */
export interface Plan {
  operations: Operation[];
  kills: KillMoment[];
}

export interface Operation {
  number: number;
  kind: OperationKind;
  /** In [0, 1): which of those that there are. */
  pick: number;
}

/** When the service is killed: `delayMs` after operation `afterOperation` began. */
export interface KillMoment {
  afterOperation: number;
  delayMs: number;
  /** The service that comes next is killed too, this long after it was started. */
  nextDiesAfterMs: number | undefined;
}

/** How often each kind comes, relative to the others. */
const weights = {
  create: 24,
  createOnce: 24,
  createShort: 6,
  kill: 22,
  killTwice: 6,
  connect: 14,
  setTimeout: 14,
  refresh: 10,
  get: 12,
  list: 10,
  findByMetadata: 8,
  exec: 26,
  createKey: 6,
  deleteKey: 4,
  createSecret: 6,
  updateSecret: 4,
  deleteSecret: 4,
} as const;

export type OperationKind = keyof typeof weights;

/** Numbers in [0, 1) that follow from the seed (mulberry32). */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function pickKind(random: () => number): OperationKind {
  const kinds = Object.entries(weights) as [OperationKind, number][];
  let left = random() * kinds.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [kind, weight] of kinds) {
    left -= weight;
    if (left < 0) return kind;
  }
  return "get";
}

export function makePlan(seed: number, operationCount: number, killCount: number): Plan {
  const random = seededRandom(seed);
  const operations = Array.from({ length: operationCount }, (_, number) => ({
    number,
    kind: pickKind(random),
    pick: random(),
  }));
  const stretch = operationCount / killCount;
  const kills = Array.from({ length: killCount }, (_, index) => ({
    // One in each stretch, so that none comes before the service of the one before has done something.
    afterOperation: Math.floor((index + 0.2 + 0.8 * random()) * stretch) - 1,
    delayMs: random() * 150,
    nextDiesAfterMs: random() < 0.25 ? 300 + random() * 1_200 : undefined,
  }));
  return { operations, kills };
}
