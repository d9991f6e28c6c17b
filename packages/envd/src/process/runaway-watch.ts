import type { Logger } from "@sandbank/core/logger";
import { copiesIn, culpritOf, processIds, suspectOf } from "./census.ts";

/** Between two looks while processes become more (ms): a bomb doubles in a few dozen milliseconds. */
const growingIntervalMs = 25;
const growth = 4;
/** Between two looks for a while after a command's start, and while there are many processes (ms). */
const closeIntervalMs = 100;
const closeLooks = 20;
/** Between two looks otherwise, while commands run (ms). */
const intervalMs = 500;
/** From so many processes on the commands are looked at closely: with more, the look itself takes too long. */
const someProcesses = 28;
/** How often a suspect is stopped again for what it started meanwhile. */
const stopRounds = 8;
/** Looked at closely again when there are so many times more. */
const moreAgain = 1.3;
/** A group with so many mere copies of their parents is a bomb, whatever its pace. */
const manyCopies = 24;
/** Fewer processes than this are nobody's bomb. */
const fewProcesses = 80;
/** So many more than half a second before, twice in a row: what forks as fast as it can. Builds grow once and stay. */
const fastGrowth = 25;
/** Slower ones are seen when programs have this part of the processes that they may have. */
const crowdedShare = 0.75;

export interface RunawayOptions {
  /** Processes that programs may have; no watching when undefined. */
  limit: number | undefined;
  logger: Logger;
}

/**
 * Ends a fork bomb with all its processes before it takes the processor from the daemon and the last process from the
 * sandbox's other commands. A shell without job control keeps what it starts in its own process group, one with job
 * control makes a group of each job.
 */
export class RunawayWatch {
  readonly #options: RunawayOptions;
  #timer: NodeJS.Timeout | undefined;
  /** When the next look is taken. */
  #dueMs = 0;
  #closeLooksLeft = 0;
  #lastCount = Infinity;
  /** What the last look at the pace of growth saw. */
  #pace = { count: 0, atMs: 0, grewFast: false };
  /** So many processes have been looked at closely and were no bomb. */
  #acquitted = 0;

  constructor(options: RunawayOptions) {
    this.#options = options;
  }

  /** Call when a command has started: looks are taken for as long as one runs. */
  start(hasCommands: () => boolean): void {
    if (this.#options.limit === undefined) return;
    this.#closeLooksLeft = closeLooks;
    // What starts commands all the time must not put off the look for ever.
    if (this.#timer && this.#dueMs <= performance.now() + growingIntervalMs) return;
    clearTimeout(this.#timer);
    this.#schedule(hasCommands, this.#options.limit);
  }

  /** No program can be started any more: ends whoever has most of the processes. True when there was one. */
  makeRoom(): boolean {
    if (this.#options.limit === undefined) return false;
    const pids = processIds();
    const culprit = culpritOf(pids);
    if (culprit) this.#end(culprit.group, pids.length);
    return culprit !== undefined;
  }

  #schedule(hasCommands: () => boolean, limit: number, delayMs = growingIntervalMs): void {
    this.#dueMs = performance.now() + delayMs;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (!hasCommands()) return;
      const count = this.#look(limit);
      const grew = count >= this.#lastCount + growth;
      this.#lastCount = count;
      this.#closeLooksLeft = count >= someProcesses ? closeLooks : this.#closeLooksLeft - 1;
      const close = this.#closeLooksLeft > 0 ? closeIntervalMs : intervalMs;
      this.#schedule(hasCommands, limit, grew ? growingIntervalMs : close);
    }, delayMs);
    this.#timer.unref();
  }

  /** Gives how many processes there are. */
  #look(limit: number): number {
    const pids = processIds();
    const isTooFast = this.#growsTooFast(pids.length);
    if (pids.length < this.#acquitted / 2) this.#acquitted = 0;
    if (pids.length >= Math.max(someProcesses, this.#acquitted * moreAgain)) {
      if (this.#endCopies(pids)) return pids.length;
    }
    if (!isTooFast && pids.length < limit * crowdedShare) return pids.length;
    const culprit = culpritOf(pids);
    if (culprit?.forksItself) this.#end(culprit.group, pids.length);
    return pids.length;
  }

  #growsTooFast(count: number): boolean {
    const { count: before, atMs, grewFast } = this.#pace;
    const nowMs = performance.now();
    if (nowMs - atMs < intervalMs) return false;
    const growsFast = count >= fewProcesses && count - before >= fastGrowth;
    this.#pace = { count, atMs: nowMs, grewFast: growsFast };
    return growsFast && grewFast;
  }

  /**
   * Under a bomb each system call takes the daemon up to a fifth of a second in gVisor, and the bomb grows meanwhile:
   * a suspect stands still while the daemon looks at all of its processes. Nobody else is ever stopped, because gVisor
   * hangs up on a stopped group when a process of it ends.
   */
  #endCopies(pids: number[]): boolean {
    this.#acquitted = pids.length;
    const group = suspectOf(pids);
    if (group === undefined) return false;
    const all = stop(group);
    const isBomb = copiesIn(group, all) >= manyCopies;
    if (isBomb) this.#end(group, all.length);
    else signalGroup(group, "SIGCONT");
    return isBomb;
  }

  /** What is stopped first forks no more while it is killed; what slips through is there at the next look. */
  #end(group: number, processes: number): void {
    signalGroup(group, "SIGSTOP");
    signalGroup(group, "SIGKILL");
    this.#options.logger.warn({ group, processes }, "ended a command that had run away");
  }
}

/** A child that is being made while its group is stopped goes on, in gVisor: again, until no more come. Gives all pids. */
function stop(group: number): number[] {
  let pids: number[] = [];
  for (let round = 0; round < stopRounds; round++) {
    signalGroup(group, "SIGSTOP");
    const newest = pids.at(-1);
    pids = processIds();
    if (pids.at(-1) === newest) break;
  }
  return pids;
}

function signalGroup(group: number, name: NodeJS.Signals): void {
  try {
    process.kill(-group, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
