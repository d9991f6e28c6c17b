import { closeSync, constants, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { hasCode } from "@sandbank/linux/libc";

/** One reading of a sandbox's use; memory and disk in bytes, CPU as 0 to 100 of all its CPUs. */
export interface MetricSample {
  atMs: number;
  cpuCount: number;
  cpuUsedPct: number;
  memoryUsed: number;
  memoryTotal: number;
  memoryCache: number;
  diskUsed: number;
  diskTotal: number;
}

const members = [
  "atMs",
  "cpuCount",
  "cpuUsedPct",
  "memoryUsed",
  "memoryTotal",
  "memoryCache",
  "diskUsed",
  "diskTotal",
] as const satisfies (keyof MetricSample)[];

const recordBytes = members.length * 8;

/** The last hour as sampled, and a day by the minute. */
const fine = { stepMs: 5_000, slots: 720, firstSlot: 0 };
const coarse = { stepMs: 60_000, slots: 1_440, firstSlot: fine.slots };
type Ring = typeof fine;

export const sampleIntervalMs = fine.stepMs;

const fileName = "metrics.ring";

const slotOf = (ring: Ring, atMs: number): number =>
  ring.firstSlot + (Math.floor(atMs / ring.stepMs) % ring.slots);

function write(path: string, records: [Ring, MetricSample][]): void {
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  try {
    for (const [ring, sample] of records) {
      const record = new Uint8Array(Float64Array.from(members, (member) => sample[member]).buffer);
      writeSync(fd, record, 0, recordBytes, slotOf(ring, sample.atMs) * recordBytes);
    }
  } finally {
    closeSync(fd);
  }
}

/** The minute's mean use of CPU, and the most that was used of the rest. */
export function mergeSamples(samples: MetricSample[]): MetricSample | undefined {
  const last = samples.at(-1);
  if (!last) return undefined;
  const most = (member: "memoryUsed" | "memoryCache" | "diskUsed"): number =>
    Math.max(...samples.map((sample) => sample[member]));
  const cpuSum = samples.reduce((sum, sample) => sum + sample.cpuUsedPct, 0);
  return {
    ...last,
    cpuUsedPct: cpuSum / samples.length,
    memoryUsed: most("memoryUsed"),
    memoryCache: most("memoryCache"),
    diskUsed: most("diskUsed"),
  };
}

/**
 * A sandbox's samples in one file of fixed size. A sample's time says where it is written, so that the file has no state
 * that a process that dies could leave behind wrong.
 */
export class MetricsRing {
  readonly #path: string;
  #minute: MetricSample[] = [];

  constructor(dir: string) {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    this.#path = `${dir}/${fileName}`;
  }

  add(sample: MetricSample): void {
    const first = this.#minute[0];
    if (first && slotOf(coarse, first.atMs) !== slotOf(coarse, sample.atMs)) this.#minute = [];
    this.#minute.push(sample);
    // Written anew with each sample: a minute that is cut short has what there was of it.
    write(this.#path, [
      [fine, sample],
      [coarse, mergeSamples(this.#minute) ?? sample],
    ]);
  }
}

function* samplesIn(dir: string, ring: Ring): Generator<MetricSample> {
  const bytes = readRing(dir);
  for (let slot = ring.firstSlot; slot < ring.firstSlot + ring.slots; slot++) {
    const offset = slot * recordBytes;
    if (offset + recordBytes > bytes.length) return;
    const value = (index: number): number => bytes.readDoubleLE(offset + index * 8);
    if (value(0) === 0) continue;
    const [atMs, cpuCount, cpuUsedPct, memoryUsed] = [value(0), value(1), value(2), value(3)];
    const [memoryTotal, memoryCache, diskUsed, diskTotal] = [value(4), value(5), value(6), value(7)];
    yield { atMs, cpuCount, cpuUsedPct, memoryUsed, memoryTotal, memoryCache, diskUsed, diskTotal };
  }
}

function readRing(dir: string): Buffer {
  try {
    return readFileSync(`${dir}/${fileName}`);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return Buffer.alloc(0);
    throw error;
  }
}

/** Samples between two times, oldest first: fine ones where there are some, before them those by the minute. */
export function readSamples(dir: string, startMs: number, endMs: number): MetricSample[] {
  const within = ({ atMs }: MetricSample): boolean => atMs >= startMs && atMs <= endMs;
  const recent = [...samplesIn(dir, fine)].toSorted((a, b) => a.atMs - b.atMs);
  const newestMs = recent.at(-1)?.atMs ?? 0;
  // Slots that the ring has not come round to are of its last time round.
  const whole = recent.filter(({ atMs }) => atMs > newestMs - fine.stepMs * fine.slots);
  const oldestFineMs = whole[0]?.atMs ?? Number.POSITIVE_INFINITY;
  const older = [...samplesIn(dir, coarse)].filter(
    ({ atMs }) => atMs < oldestFineMs && atMs > newestMs - coarse.stepMs * coarse.slots,
  );
  return [...older.toSorted((a, b) => a.atMs - b.atMs), ...whole].filter(within);
}
