import { readFileSync, readdirSync } from "node:fs";
import type { Logger } from "@sandbank/core/logger";

/** Between two looks while commands run (ms). */
const intervalMs = 500;
/** Fewer processes than this are nobody's bomb. */
const fewProcesses = 80;
/** So many more than at the last look, twice in a row: what forks as fast as it can. Builds grow once and stay. */
const fastGrowth = 25;
/** Slower ones are seen when programs have this part of the processes that they may have. */
const crowdedShare = 0.75;
/** A bomb leaves the daemon one system call in dozens of milliseconds: a few processes must tell whose they all are. */
const sampleSize = 8;
const majority = 0.75;
/** Workers have their one parent; where no process has more than this part of the sample, children fork themselves. */
const workersShare = 0.4;

export interface RunawayOptions {
  /** Processes that programs may have; no watching when undefined. */
  limit: number | undefined;
  logger: Logger;
}

/**
 * Ends a fork bomb with all its processes before it takes the processor from the daemon and the last process from the
 * sandbox's other commands. Every command leads a session, which its descendants stay in.
 */
export class RunawayWatch {
  readonly #options: RunawayOptions;
  #timer: NodeJS.Timeout | undefined;
  #lastCount = 0;
  #grewFast = false;

  constructor(options: RunawayOptions) {
    this.#options = options;
  }

  /** Call when a command has started: looks are taken for as long as one runs. */
  start(hasCommands: () => boolean): void {
    if (this.#options.limit === undefined || this.#timer) return;
    this.#timer = setInterval(() => {
      if (hasCommands()) this.#look(this.#options.limit ?? Infinity);
      else this.#stop();
    }, intervalMs);
    this.#timer.unref();
  }

  /** No program can be started any more: ends whoever has most of the processes. True when there was one. */
  makeRoom(): boolean {
    if (this.#options.limit === undefined) return false;
    const pids = processIds();
    return this.#end(culpritOf(pids), pids.length);
  }

  #look(limit: number): void {
    const pids = processIds();
    const growsFast = pids.length >= fewProcesses && pids.length - this.#lastCount >= fastGrowth;
    const grewFast = this.#grewFast;
    this.#lastCount = pids.length;
    this.#grewFast = growsFast;
    if (!(growsFast && grewFast) && pids.length < limit * crowdedShare) return;
    const culprit = culpritOf(pids);
    if (culprit?.isBomb) this.#end(culprit, pids.length);
  }

  #end(culprit: Culprit | undefined, processes: number): boolean {
    if (!culprit) return false;
    killGroup(culprit.session);
    this.#options.logger.warn({ session: culprit.session, processes }, "ended a command that had run away");
    return true;
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

/** In the kernel's order: the newest last. */
const processIds = (): number[] => readdirSync("/proc").map(Number).filter(Number.isInteger);

interface Culprit {
  session: number;
  /** Its processes fork one another, instead of being one parent's workers. */
  isBomb: boolean;
}

/** Whose most of the processes are; undefined when they are several commands', or the daemon's own. */
function culpritOf(pids: number[]): Culprit | undefined {
  const sample: Identity[] = [];
  for (let tries = 0; sample.length < sampleSize && tries < 4 * sampleSize; tries++) {
    const identity = identityOf(pids[Math.floor(Math.random() * pids.length)] ?? 0);
    if (identity) sample.push(identity);
  }
  const [session, members] = mostFrequent(sample.map((identity) => identity.session));
  if (members < sampleSize * majority || session === identityOf(process.pid)?.session) return undefined;
  // Those whose parent has ended belong to init, which is nobody's parent in this sense.
  const parents = sample.map(({ parent }) => parent).filter((parent) => parent !== 1);
  const [, workers] = mostFrequent(parents);
  return { session, isBomb: workers <= sample.length * workersShare };
}

function mostFrequent(values: number[]): [value: number, count: number] {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].reduce((most, each) => (each[1] > most[1] ? each : most), [0, 0]);
}

/**
 * The session's leader leads its first process group, and a shell without job control makes no other. What is stopped
 * first forks no more while it is killed; what slips through is there at the next look.
 */
function killGroup(session: number): void {
  for (const name of ["SIGSTOP", "SIGKILL"] as const) {
    try {
      process.kill(-session, name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
}

interface Identity {
  parent: number;
  session: number;
}

/** Undefined when the process has ended in the meantime. */
function identityOf(pid: number): Identity | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // State, parent, group and session follow the name, which may hold anything.
    const [, parent, , session] = stat.slice(stat.lastIndexOf(")") + 2).split(" ", 4);
    return { parent: Number(parent), session: Number(session) };
  } catch {
    return undefined;
  }
}
