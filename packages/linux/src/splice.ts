import { closeSync } from "node:fs";
import { constants } from "node:os";
import { checked, lastErrno, libc, SystemCallError } from "./libc.ts";
import { Readiness } from "./readiness.ts";

const duplicateCloseOnExec = 1030;
const setPipeSize = 1031;
const closeOnExec = 0o2000000;
const nonBlocking = 0o4000;
/** SPLICE_F_MOVE | SPLICE_F_NONBLOCK */
const spliceFlags = 3;

/** What fits a processor's own cache beside what the sockets hold; a pipe that gets less works too. */
const pipeBytes = 256 * 1024;
/** Moves in one turn of the event loop: a fast pair of sockets must not keep everybody else waiting. */
const movesPerTurn = 16;

export interface SpliceOptions {
  /** Descriptors of sockets that don't block. They are duplicated: the originals may be closed at any time. */
  source: number;
  target: number;
  /** Bytes to move. */
  length: number;
}

/**
 * Moves bytes from one socket to another inside the kernel, without a copy into this process. Nobody else may read from
 * the source or write to the target meanwhile.
 */
export class Splice {
  readonly #source: number;
  readonly #target: number;
  readonly #pipe: { read: number; write: number };
  readonly #sourceReady: Readiness;
  readonly #targetReady: Readiness;
  readonly #done: (error: Error | undefined) => void;
  readonly #descriptors: number[] = [];
  readonly #watched: Readiness[] = [];
  #left: number;
  #inPipe = 0;
  #moved = 0;
  #over = false;
  #cancelled = false;

  /**
   * Begins at once. `done` is called exactly once, later: without an error when everything has been moved; not after
   * `cancel`. Throws SystemCallError when descriptors run out.
   */
  constructor({ source, target, length }: SpliceOptions, done: (error: Error | undefined) => void) {
    try {
      this.#source = this.#keep(duplicate(source));
      this.#target = this.#keep(duplicate(target));
      const ends = new Int32Array(2);
      checked("pipe2", "", libc.pipe2(Buffer.from(ends.buffer), closeOnExec | nonBlocking));
      this.#pipe = { read: this.#keep(ends[0] ?? -1), write: this.#keep(ends[1] ?? -1) };
      libc.fcntl(this.#pipe.write, setPipeSize, pipeBytes);
      this.#sourceReady = this.#watch(this.#source);
      this.#targetReady = this.#watch(this.#target);
    } catch (error) {
      this.cancel();
      throw error;
    }
    this.#done = done;
    this.#left = length;
    setImmediate(() => this.#pump());
  }

  /** Bytes that the target has taken so far. */
  get moved(): number {
    return this.#moved;
  }

  /** Stops and lets go of the sockets. No effect when it is over. */
  cancel(): void {
    this.#cancelled = true;
    this.#release();
  }

  #release(): void {
    if (this.#over) return;
    this.#over = true;
    for (const readiness of this.#watched) readiness.close();
    for (const fd of this.#descriptors) closeSync(fd);
  }

  #keep(fd: number): number {
    this.#descriptors.push(fd);
    return fd;
  }

  #watch(fd: number): Readiness {
    const readiness = new Readiness(fd);
    this.#watched.push(readiness);
    return readiness;
  }

  #pump(): void {
    if (this.#over) return;
    try {
      for (let i = 0; i < movesPerTurn; i++) {
        const wait = this.#move();
        if (wait === "ended") return;
        if (wait) {
          const ready = wait === "readable" ? this.#sourceReady : this.#targetReady;
          ready.wait(wait, () => this.#pump());
          return;
        }
      }
    } catch (error) {
      this.#end(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    setImmediate(() => this.#pump());
  }

  /** One way through the pipe; says what has to be waited for. */
  #move(): "readable" | "writable" | "ended" | undefined {
    if (this.#inPipe === 0) {
      if (this.#left === 0) return this.#end(undefined);
      const taken = spliceOnce(this.#source, this.#pipe.write, Math.min(this.#left, pipeBytes));
      if (taken === undefined) return "readable";
      if (taken === 0) return this.#end(new Error(`the source ended ${this.#left} bytes early`));
      this.#inPipe = taken;
      this.#left -= taken;
    }
    const given = spliceOnce(this.#pipe.read, this.#target, this.#inPipe);
    if (given === undefined) return "writable";
    this.#inPipe -= given;
    this.#moved += given;
    return undefined;
  }

  #end(error: Error | undefined): "ended" {
    this.#release();
    setImmediate(() => {
      if (!this.#cancelled) this.#done(error);
    });
    return "ended";
  }
}

function duplicate(fd: number): number {
  return checked("fcntl", `descriptor ${fd}`, libc.fcntl(fd, duplicateCloseOnExec, 0));
}

/** Bytes moved, 0 at the end of the source; undefined when it would have to wait. */
function spliceOnce(from: number, to: number, length: number): number | undefined {
  const moved = Number(libc.splice(from, null, to, null, BigInt(length), spliceFlags));
  if (moved >= 0) return moved;
  const errno = lastErrno();
  if (errno === constants.errno.EAGAIN) return undefined;
  throw new SystemCallError("splice", "", errno);
}
