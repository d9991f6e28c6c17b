import type { Logger } from "@sandbank/core/logger";
import type { ControlGroup, ControlGroups } from "../system/control-groups.ts";
import { copyThemselves } from "./copies.ts";

/** Fewer processes than this are nobody's bomb. */
const someProcesses = 24;
/** Looked at again when there are so many times more. */
const moreAgain = 1.3;
/** Sooner when there was nothing to show that it is none. */
const doubt = 0.85;
/** A command that has this part of what it may have is full: further processes may be refused. */
const fullShare = 0.9;
/** So many refusals between two looks, as a part of the processes there are, are no accident. */
const refusedShare = 0.25;
/** When no more processes may be had, whoever has this part of them is the reason. */
const majority = 0.75;

interface Watched {
  group: ControlGroup;
  /** The command's own process. */
  leader: number;
  hasEnded: boolean;
  isKilled: boolean;
  /** So many processes have been looked at and were no bomb. */
  acquitted: number;
  refusals: number;
}

/**
 * Ends fork bombs where the sandbox's kernel counts each command's processes and kills them together. Under a bomb each
 * system call of the daemon may take a tenth of a second in gVisor: a look is one call, and a suspect costs two dozen.
 */
export class GroupWatch {
  readonly #groups: ControlGroups;
  readonly #maxEach: number;
  readonly #logger: Logger;
  readonly #watched = new Set<Watched>();

  constructor(groups: ControlGroups, maxEach: number, logger: Logger) {
    this.#groups = groups;
    this.#maxEach = maxEach;
    this.#logger = logger;
  }

  /** Whether a command runs, or something that one has left behind. */
  get isBusy(): boolean {
    return this.#watched.size > 0;
  }

  /** Call at once when a command has started: what it forks before this is not counted. */
  add({ pid, done }: { pid: number; done: Promise<void> }): void {
    const watched: Watched = {
      group: this.#groups.take(),
      leader: pid,
      hasEnded: false,
      isKilled: false,
      acquitted: 0,
      refusals: 0,
    };
    watched.group.add(pid);
    this.#watched.add(watched);
    void done.then(() => {
      watched.hasEnded = true;
      this.#count(watched);
    });
  }

  /** Gives how many processes there are. */
  look(): number {
    const newestFirst = [...this.#watched].toReversed();
    const [only, ...others] = newestFirst;
    if (!only) return 0;
    if (others.length === 0) return this.#judge(only);
    const total = this.#groups.count();
    if (total < someProcesses) {
      const left = newestFirst.findLast(({ hasEnded }) => hasEnded);
      if (left) this.#count(left);
      return total;
    }
    // Each question costs a bomb's round: whoever has most of them is likely the newest.
    for (const each of newestFirst) if (2 * this.#judge(each) > total) break;
    return total;
  }

  /** No program can be started any more: ends whoever has most of the processes. True when there was one. */
  makeRoom(): boolean {
    const total = this.#groups.count();
    for (const each of [...this.#watched].toReversed()) {
      const count = each.group.count();
      if (count < total * majority) continue;
      this.#end(each, count);
      return true;
    }
    return false;
  }

  #judge(watched: Watched): number {
    const count = this.#count(watched);
    if (count < watched.acquitted / 2) watched.acquitted = 0;
    if (count < someProcesses || watched.isKilled) return count;
    if (this.#isRefused(watched, count)) this.#end(watched, count);
    else if (count >= watched.acquitted * moreAgain) {
      const isBomb = copyThemselves(watched.group.members(), watched.leader);
      if (isBomb) this.#end(watched, count);
      watched.acquitted = isBomb === undefined ? count * doubt : count;
    }
    return count;
  }

  #count(watched: Watched): number {
    const count = watched.group.count();
    if (count === 0 && watched.hasEnded && this.#watched.delete(watched)) this.#groups.give(watched.group);
    return count;
  }

  /** Whether it goes on forking in vain. */
  #isRefused(watched: Watched, count: number): boolean {
    if (count < this.#maxEach * fullShare) return false;
    const before = watched.refusals;
    watched.refusals = watched.group.refusals();
    return before > 0 && watched.refusals - before >= count * refusedShare;
  }

  #end(watched: Watched, processes: number): void {
    watched.group.kill();
    watched.isKilled = true;
    this.#logger.warn({ command: watched.leader, processes }, "ended a command that had run away");
  }
}
