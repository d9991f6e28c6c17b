import type { Logger } from "@sandbank/core/logger";
import { copiesIn, culpritOf, processIds, suspectOf } from "./census.ts";

/** From so many processes on the commands are looked at closely: with more, the look itself takes too long. */
const someProcesses = 28;
/** How often a suspect is stopped again for what it started meanwhile. */
const stopRounds = 8;
/** Looked at closely again when there are so many times more. */
const moreAgain = 1.3;
/** A group with so many mere copies of their parents is a bomb, whatever its pace. */
const manyCopies = 24;
/** Between two looks at the pace of growth (ms). */
const paceMs = 500;
/** Fewer processes than this are nobody's bomb. */
const fewProcesses = 80;
/** So many more than half a second before, twice in a row: what forks as fast as it can. Builds grow once and stay. */
const fastGrowth = 25;
/** Slower ones are seen when programs have this part of the processes that they may have. */
const crowdedShare = 0.75;

/**
 * Ends a fork bomb where the kernel keeps no counts that the daemon could read, by looking at the processes themselves.
 * A shell without job control keeps what it starts in its own process group, one with job control makes a group of each
 * job.
 */
export class CensusWatch {
  readonly #limit: number;
  readonly #logger: Logger;
  /** What the last look at the pace of growth saw. */
  #pace = { count: 0, atMs: 0, grewFast: false };
  /** So many processes have been looked at closely and were no bomb. */
  #acquitted = 0;

  /** `limit`: processes that programs may have. */
  constructor(limit: number, logger: Logger) {
    this.#limit = limit;
    this.#logger = logger;
  }

  /** Gives how many processes there are. */
  look(): number {
    const pids = processIds();
    const isTooFast = this.#growsTooFast(pids.length);
    if (pids.length < this.#acquitted / 2) this.#acquitted = 0;
    if (pids.length >= Math.max(someProcesses, this.#acquitted * moreAgain)) {
      if (this.#endCopies(pids)) return pids.length;
    }
    if (!isTooFast && pids.length < this.#limit * crowdedShare) return pids.length;
    const culprit = culpritOf(pids);
    if (culprit?.forksItself) this.#end(culprit.group, pids.length);
    return pids.length;
  }

  /** No program can be started any more: ends whoever has most of the processes. True when there was one. */
  makeRoom(): boolean {
    const pids = processIds();
    const culprit = culpritOf(pids);
    if (culprit) this.#end(culprit.group, pids.length);
    return culprit !== undefined;
  }

  #growsTooFast(count: number): boolean {
    const { count: before, atMs, grewFast } = this.#pace;
    const nowMs = performance.now();
    if (nowMs - atMs < paceMs) return false;
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
    this.#logger.warn({ group, processes }, "ended a command that had run away");
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
