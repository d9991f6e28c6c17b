import type { Libc } from "../runtime/runtime.ts";
import { syscallNumber } from "./syscalls.ts";

const rlimitNproc = 6;
/** Processes and threads that stay free for the daemon when the user's programs have taken all of theirs: half at most. */
const reserve = 64n;
/** All bits set, read as signed. */
const infinity = -1n;

/**
 * Lets a program start with a lower limit of processes than the daemon's own, so that a fork bomb stops short of
 * what the daemon needs to go on: threads of its runtime, and the next command.
 */
export class ProcessLimit {
  readonly #libc: Libc;
  readonly #own: { soft: bigint; hard: bigint };

  constructor(libc: Libc) {
    this.#libc = libc;
    const buffer = new BigInt64Array(2);
    const result = libc.syscall(syscallNumber("prlimit64"), 0, rlimitNproc, 0, buffer);
    if (result < 0) throw new Error(`prlimit64: errno ${-result}`);
    this.#own = { soft: buffer[0] ?? infinity, hard: buffer[1] ?? infinity };
  }

  /** What the user's programs may have, by user; undefined when there is no limit to divide. */
  get forPrograms(): number | undefined {
    const { soft } = this.#own;
    if (soft === infinity) return undefined;
    return Number(soft < 2n * reserve ? soft / 2n : soft - reserve);
  }

  /** Runs `work`, which must be synchronous, with the programs' limit in force for what it starts. */
  run<T>(work: () => T): T {
    const lower = this.forPrograms;
    if (lower === undefined) return work();
    this.#set(BigInt(lower));
    try {
      return work();
    } finally {
      this.#set(this.#own.soft);
    }
  }

  #set(soft: bigint): void {
    const limit = new BigInt64Array([soft, this.#own.hard]);
    const result = this.#libc.syscall(syscallNumber("prlimit64"), 0, rlimitNproc, limit, 0);
    if (result < 0) throw new Error(`prlimit64: errno ${-result}`);
  }
}
