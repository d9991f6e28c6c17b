import type { Logger } from "@sandbank/core/logger";
import { errorText } from "@sandbank/core/errors";
import { guestControlGroups } from "@sandbank/protocol/headers";
import { ControlGroups } from "../system/control-groups.ts";
import { CensusWatch } from "./census-watch.ts";
import { GroupWatch } from "./group-watch.ts";

/** Between two looks while processes become more, and from an event to the next (ms): a bomb makes two in that time. */
const growingIntervalMs = 25;
const growth = 4;
/** The longer nothing has happened, the longer until the next look: a part of that time, within bounds (ms). */
const quietShare = 1 / 20;
const minIntervalMs = 50;
const maxIntervalMs = 300;
/** Of what programs may have, for one command: the rest is for those beside it. */
const commandShare = 0.9;

export interface RunawayOptions {
  /** Processes that programs may have; no watching when undefined. */
  limit: number | undefined;
  logger: Logger;
}

/** Looks for fork bombs while commands run, and ends them before they take the processor and the last process. */
export class RunawayWatch {
  readonly #watch: GroupWatch | CensusWatch | undefined;
  readonly #logger: Logger;
  #timer: NodeJS.Timeout | undefined;
  /** When the next look is taken. */
  #dueMs = 0;
  /** When a command was started or given input last, or processes became more. */
  #eventMs = 0;
  #lastCount = Infinity;
  #isNeeded = (): boolean => false;

  constructor({ limit, logger }: RunawayOptions) {
    this.#logger = logger;
    this.#watch = limit === undefined ? undefined : watchFor(limit, logger);
  }

  /** Call at once when a command has started: looks are taken for as long as one runs. */
  start(command: { pid: number; done: Promise<void> }, hasCommands: () => boolean): void {
    const watch = this.#watch;
    if (!watch) return;
    if (watch instanceof GroupWatch) this.#add(watch, command);
    this.#isNeeded = watch instanceof GroupWatch ? () => watch.isBusy : hasCommands;
    this.stir();
  }

  /** A command without a group is one without a watch; it runs already, and its client is to have it. */
  #add(watch: GroupWatch, command: { pid: number; done: Promise<void> }): void {
    try {
      watch.add(command);
    } catch (error) {
      this.#logger.warn({ command: command.pid, error: errorText(error) }, "a command has no control group");
    }
  }

  /** Call when a command is told something: it may be to start a bomb. */
  stir(): void {
    if (!this.#watch) return;
    this.#eventMs = performance.now();
    // What starts commands all the time must not put off the look for ever.
    if (this.#timer && this.#dueMs <= this.#eventMs + growingIntervalMs) return;
    clearTimeout(this.#timer);
    this.#schedule(this.#watch, growingIntervalMs);
  }

  /** No program can be started any more: ends whoever has most of the processes. True when there was one. */
  makeRoom(): boolean {
    return this.#watch?.makeRoom() ?? false;
  }

  #schedule(watch: GroupWatch | CensusWatch, delayMs: number): void {
    this.#dueMs = performance.now() + delayMs;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (!this.#isNeeded()) return;
      const count = watch.look();
      const grew = count >= this.#lastCount + growth;
      this.#lastCount = count;
      const nowMs = performance.now();
      if (grew) this.#eventMs = nowMs;
      const quietMs = (nowMs - this.#eventMs) * quietShare;
      const interval = Math.min(maxIntervalMs, Math.max(minIntervalMs, quietMs));
      this.#schedule(watch, grew ? growingIntervalMs : interval);
    }, delayMs);
    this.#timer.unref();
  }
}

function watchFor(limit: number, logger: Logger): GroupWatch | CensusWatch {
  const maxEach = Math.floor(limit * commandShare);
  try {
    const groups = ControlGroups.open(guestControlGroups, maxEach);
    if (groups) return new GroupWatch(groups, maxEach, logger);
  } catch (error) {
    logger.warn({ error: errorText(error) }, "the sandbox's control groups are of no use");
  }
  return new CensusWatch(limit, logger);
}
